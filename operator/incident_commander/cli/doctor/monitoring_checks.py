"""What brings alerts and measures fixes: the gateway, Prometheus, Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from incident_commander.cli.doctor.facts import Facts, Unread
from incident_commander.cli.doctor.finding import Finding, fail, ok, skipped, unknown, warn

ALERTS_PATH = "/api/v1/alerts"


def gateway(facts: Facts) -> Iterator[Finding]:
    """Can an alert get in?"""
    if facts.gateway is None:
        return
    if isinstance(facts.gateway, Unread):
        yield fail("Gateway", facts.gateway.why, "is its Service there? Else name it: --gateway-url http://HOST:PORT")
    elif facts.gateway.status != 200:
        said = facts.gateway.body[:200].decode("utf-8", "replace").strip()
        yield fail(
            "Gateway",
            f"is not ready ({facts.gateway.status}): {said}",
            f"kubectl logs deployment/gateway -n {facts.namespace}",
        )
    else:
        yield ok("Gateway", f"is ready, reached {facts.gateway.through}")


def token(facts: Facts) -> Iterator[Finding]:
    """The token that Alertmanager sends."""
    if facts.token is None:
        if facts.installed:
            yield skipped("Alert token", "not looked at", "give --token-file FILE: the token that Alertmanager sends")
        return
    if isinstance(facts.token, Unread):
        yield unknown("Alert token", facts.token.why, "ask for `create` on tokenreviews, or for system:auth-delegator")
    elif not facts.token.user:
        yield fail("Alert token", "the API server does not accept it", "make one: kubectl create token NAME -n NS")
    elif not facts.token.everywhere:
        yield warn(
            "Alert token",
            f"{facts.token.user} may not create Incidents in all namespaces",
            "alerts of other namespaces are refused: bind it to ClusterRole incident-reporter",
        )
    else:
        yield ok("Alert token", f"{facts.token.user} may report incidents everywhere")


def prometheus(facts: Facts) -> Iterator[Finding]:
    """Metrics are half of the evidence, and all of the verification by alert."""
    if facts.prometheus is None:
        yield warn(
            "Prometheus",
            "none is configured: metrics and alert states are gaps in the evidence",
            "give --prometheus-url, or set INCIDENT_COMMANDER_PROMETHEUS_URL (value prometheus.url of the chart)",
        )
        return
    there = facts.metrics.get("reachable")
    if isinstance(there, Unread):
        yield fail("Prometheus", there.why, f"{facts.prometheus} must answer /api/v1/query; check address and policies")
        return
    yield ok("Prometheus", f"{facts.prometheus} answers")
    for question, advice in (
        ("kube-state-metrics", "install kube-state-metrics and scrape it with honor_labels: true"),
        ("cAdvisor", "scrape the kubelet's /metrics/cadvisor: memory and CPU are not seen otherwise"),
    ):
        found = facts.metrics.get(question)
        if isinstance(found, Unread):
            yield unknown(question, found.why, "repeat when Prometheus answers")
        elif not found:
            yield fail(question, "Prometheus has no data of it", advice)
        else:
            yield ok(question, f"{found:.0f} series")
    own = facts.metrics.get("own metrics")
    if facts.installed and not isinstance(own, Unread) and not own:
        yield warn(
            "Own metrics",
            "Prometheus does not scrape Incident Commander",
            "dashboards and alerts stay empty: serviceMonitor.enabled=true, or scrape port 8081 of its Pods",
        )


def alertmanager(facts: Facts) -> Iterator[Finding]:
    """Does a route lead to the gateway, and does it leave people's notifications alone?"""
    if facts.alertmanager is None:
        yield skipped(
            "Alertmanager",
            "not looked at: no --alertmanager-url was given, and no Prometheus was there that names one"
            if facts.prometheus is None
            else f"not found: {facts.prometheus} sends its alerts to none (/api/v1/alertmanagers)",
            "give --alertmanager-url http://NAME.NAMESPACE.svc:9093, or let Prometheus know it: alerting.alertmanagers",
        )
        return
    if isinstance(facts.alertmanager, Unread):
        yield unknown(
            "Alertmanager",
            f"its routes cannot be seen. Tried: {facts.alertmanager_found}; found: {facts.alertmanager.why}",
            "name its Service, which is asked through the API server from anywhere: "
            "--alertmanager-url http://NAME.NAMESPACE.svc:9093. Or forward a port to it and name that: "
            "kubectl port-forward -n NAMESPACE service/NAME 9093, --alertmanager-url http://localhost:9093",
        )
        return
    receivers = dict(_receivers(facts.alertmanager))
    if not receivers:
        yield fail(
            "Alertmanager",
            f"no receiver sends to a URL that ends in {ALERTS_PATH}",
            "add the receiver and its route: docs/alertmanager.md has both, to paste",
        )
        return
    yield from _route(facts.alertmanager, receivers)


def _route(config: Mapping[str, Any], receivers: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    routes = [r for r in _routes(config.get("route") or {}) if r.get("receiver") in receivers]
    if not routes:
        named = next(iter(receivers))
        yield fail("Alertmanager", f"no route leads to receiver {named}", "add one: docs/alertmanager.md")
        return
    if not all(hook.get("send_resolved", True) for hook in receivers.values()):
        yield warn("Alertmanager", "send_resolved is false", "set it to true: Incidents then end as soon as alerts do")
    top = config.get("route") or {}
    if routes[0] is not top and not routes[0].get("continue"):
        yield warn(
            "Alertmanager",
            "the route has no `continue: true`",
            "without it the alerts that it takes page nobody any more; remediation must never silence people",
        )
    elif all(hook.get("send_resolved", True) for hook in receivers.values()):
        yield ok("Alertmanager", f"receiver {routes[0]['receiver']} has a route, and people are told as before")


def _receivers(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for receiver in config.get("receivers") or []:
        for hook in receiver.get("webhook_configs") or []:
            # Alertmanager shows "<secret>" for a URL; then the name is all there is to go by.
            url = str(hook.get("url") or hook.get("url_file") or "")
            name = str(receiver.get("name", ""))
            if url.rstrip("/").endswith(ALERTS_PATH) or ("<secret>" in url and "incident-commander" in name):
                yield name, hook


def _routes(route: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield route
    for child in route.get("routes") or []:
        yield from _routes(child)


CHECKS = (gateway, token, prometheus, alertmanager)
