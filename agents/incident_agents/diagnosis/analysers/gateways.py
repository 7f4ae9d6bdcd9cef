"""A gateway's configuration sends a path to the wrong Service: its route is named after one and leads to another."""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis.addresses import Address, in_value, is_ip
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.naming import meant, services, words
from incident_agents.diagnosis.outside import is_outside
from incident_agents.diagnosis.routed import Entry, configured
from incident_agents.diagnosis.stores import not_of
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.ports import Object

_ELSEWHERE_TOO = 32
"""The path is named after a Service that another route leads to."""
_NARROWER = 40
"""The path or name says more than the Service: /orders/export may well be of whoever makes exports."""
_PLAIN = frozenset({"route", "router", "cluster", "path", "rule", "upstream", "backend", "proxy", "default", "public"})


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and route that leads elsewhere."""
    for workload in case.workloads:
        place = fields.namespace(workload.object)
        for config_map, entries in configured(case, workload):
            reached = _reached(case, place, entries)
            for entry in entries:
                found = _judge(case, workload, config_map, entry, place, reached)
                if found is not None:
                    yield found


def _judge(
    case: Case, workload: Workload, config_map: Object, route: Entry, place: str, reached: set[str]
) -> Finding | None:
    address = next(iter(in_value(route.to)), None)
    if address is None:
        return None
    wrong = _wrong(case, workload, route, address, place, reached)
    if wrong is None:
        return None
    confidence, words, expected = wrong
    return of_workload(
        Cause.GATEWAY_MISROUTED,
        workload,
        [p for p in workload.living if case.unwell(p)],
        "",
        confidence=confidence,
        summary=f"{workload.ref} sends {route.said or 'requests'} to {route.to}{words}",
        evidence=[citing.of_entry(config_map, route.key, route.to)],
        facts={"route": route.said[:256], "backend": route.to, "expected": expected},
    )


def _reached(case: Case, place: str, routes: list[Entry]) -> set[str]:
    """Services that a route leads to which is not named after another one alone."""
    known = services(case, place)
    hosts: dict[str, list[frozenset[str]]] = {}
    for route in routes:
        hosts.setdefault(_host(route.to), []).append(words(route.said))
    return {
        host
        for host, said in hosts.items()
        if host not in known or any(known[host][1] & s or not meant(case, place, s) for s in said)
    }


def _host(to: str) -> str:
    return next((a.host.split(".")[0] for a in in_value(to)), "")


def _wrong(
    case: Case, workload: Workload, route: Entry, address: Address, place: str, reached: set[str]
) -> tuple[int, str, str] | None:
    """How sure, in what words, and what was expected; None when nothing speaks against the route.

    ``reached``: the hosts that the routes of this configuration lead to.
    """
    said, named, known = words(route.said), words(route.named), services(case, place)
    host = address.host.split(".")[0]
    if is_outside(case, address.host):
        return None  # a redirect, or what somebody else serves under a path of ours
    elsewhere = is_ip(address.host) or "." in address.host.removesuffix(f".{place}.svc.cluster.local")
    wanted = [name for name in not_of(case, workload, place, meant(case, place, named)) if name != host]
    if host in known:
        service, own = known[host]
        offered = [n for p in fields.items(service, "spec", "ports") if (n := fields.integer(p, "port")) is not None]
        if wanted and not own & said:
            # /customers/7/orders may well be of orders: while another route leads to customers, nobody misses it.
            confidence = _NARROWER if _narrower(route.named, known[wanted[0]][1]) else 84
            confidence = confidence if wanted[0] not in reached else _ELSEWHERE_TOO
            return confidence, f"; its name and path mean Service {wanted[0]}", wanted[0]
        if address.port is not None and offered and address.port not in offered:
            ports = ", ".join(str(n) for n in offered[:4])
            return 82, f", but that Service offers {ports}", ports
        return None
    if wanted:
        return 84, f", which does not exist; its name and path mean Service {wanted[0]}", wanted[0]
    if not elsewhere and _used(case, known, place):
        return 66, ", which does not exist", ""
    return None


def _narrower(named: str, own: frozenset[str]) -> bool:
    """Whether more is named than a Service, as in /orders/export or order-invoices, and not in /orders/*."""
    path = next((part for part in named.split() if part.startswith("/")), "")
    parts = [words(part) for part in path.split("/")]
    last = max((n for n, part in enumerate(parts) if part & own), default=None)
    if last is not None:
        return any(parts[last + 1 :])
    return bool(words(named.removesuffix(path)) - own - _PLAIN)


def _used(case: Case, known: dict[str, tuple[Object, frozenset[str]]], place: str) -> bool:
    """Whether the Services of the place were read at all."""
    return case.evidence.asked(kinds.SERVICE) and bool(known)
