"""An alert that fires about a workload says that it is not well, though nothing tells why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from incident_agents.diagnosis.engine import work_up
from incident_agents.diagnosis.verdict import Verdict
from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.api.statement import CitationKind
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import NOW, NS, deployment, endpoint_slice, evidence, node, pod, replica_set, service

WEB = deployment()
RS = replica_set(WEB, "6d4b75cb6d")
API = deployment("api")
API_RS = replica_set(API, "7f9c5d6b44")
SVC = service("web", {"app": "web"})
OBJECTS = (
    *(WEB, RS, pod(RS, "abcde"), pod(RS, "fghij"), SVC, endpoint_slice(SVC, True, True), node()),
    *(API, API_RS, pod(API_RS, "klmno"), pod(API_RS, "pqrst")),
)


def firing(name: str = "HighErrorRate", *, over: float | None = None, **labels: str) -> Alert:
    return Alert(
        fingerprint="f00",
        status=AlertStatus.FIRING,
        labels={"alertname": name, "namespace": NS, "severity": "critical", **labels},
        annotations={"summary": "many requests fail"},
        starts_at=NOW - timedelta(minutes=5),
        ends_at=None if over is None else NOW + timedelta(seconds=over),
    )


def verdict(*alerts: Alert, target: Object | None = None) -> Verdict:
    found = evidence(target, *OBJECTS)
    return work_up(replace(found, alerts=alerts, namespace=NS), None, NOW).verdict


@pytest.mark.parametrize(
    "labels",
    [
        {"app": "web"},
        {"app_kubernetes_io_name": "web"},
        {"deployment": "web", "job": "kube-state-metrics", "service": "kube-state-metrics"},
        {"service": "web"},
        {"pod": "web-6d4b75cb6d-abcde"},
        {"pod": "web-6d4b75cb6d-x5k2p"},
    ],
    ids=str,
)
def test_what_is_well_by_its_pods_is_not_called_healthy_while_an_alert_names_it(labels: dict[str, Any]) -> None:
    assert verdict(firing(**labels)) is Verdict.UNKNOWN
    assert verdict(firing(**labels), target=WEB) is Verdict.UNKNOWN


def test_the_alert_is_cited_and_named() -> None:
    found = work_up(replace(evidence(WEB, *OBJECTS), alerts=[firing(app="web")]), None, NOW).diagnosis.hypotheses[0]
    assert "HighErrorRate" in found.summary
    assert "names no cause" in found.summary
    assert (found.evidence[0].kind, found.evidence[0].ref) == (CitationKind.ALERT, "HighErrorRate")


@pytest.mark.parametrize(
    "alert",
    [
        firing("Watchdog", app="web"),
        firing("InfoInhibitor", app="web"),
        firing("ImageIsOld", app="web", severity="info"),
        firing(app="web", over=-60),
        firing(app="web").model_copy(update={"status": AlertStatus.RESOLVED}),
        firing(),
        firing(app="web", namespace="another"),
        firing(app="batch"),
        firing(node="node-a", namespace=""),
    ],
    ids=lambda alert: f"{alert.name} {alert.status} {alert.labels}",
)
def test_an_alert_that_is_over_or_about_something_else_changes_nothing(alert: Alert) -> None:
    assert verdict(alert) is Verdict.HEALTHY


def test_an_alert_that_prometheus_will_send_again_fires() -> None:
    assert verdict(firing(app="web", over=180)) is Verdict.UNKNOWN


def test_an_alert_about_another_workload_says_nothing_about_the_target() -> None:
    assert verdict(firing(app="api"), target=WEB) is Verdict.HEALTHY
