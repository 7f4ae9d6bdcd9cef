"""A workload is asked for paths that it does not know and another one serves: a gateway sends them to the wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from incident_agents.diagnosis import stores
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.listening import Remark, Words
from incident_agents.diagnosis.naming import passes_on, services, words
from incident_agents.diagnosis.routed import Route, routed
from incident_agents.diagnosis.said import LATE, OFTEN
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Log

_METHOD = r"(?:GET|POST|PUT|PATCH|DELETE|HEAD)"
_UNKNOWN = Words(
    re.compile(
        rf"No mapping for {_METHOD} \"?(?P<spring>/\S+)|No static resource (?P<resource>[\w/.-]+)"
        rf"|No (?:handler|endpoint) (?:found for )?{_METHOD} (?P<handler>/\S+)|Cannot {_METHOD} (?P<express>/\S+)"
        rf"|No route matches \[\"?{_METHOD}\"?\] \"(?P<rails>/[^\"]+)|(?<!\w)Not Found: (?P<django>/\S+)"
        rf"|{_METHOD} (?P<access>/[^ \"]+)(?: HTTP/[\d.]+)?\"? (?:-> ?|status[=:] ?)?404\b"
        rf"|\b404\b[ |].{{0,80}}?{_METHOD} +\"?(?P<gin>/[^\s\"]+)",
    ),
    ("no mapping", "no static", "no handler", "no endpoint", "cannot ", "no route matches", "not found: /", "404"),
)
"""Spring MVC, Express, Rails, Django, Gin, and access logs."""
_NOBODYS = frozenset(
    {
        "health",
        "healthz",
        "ready",
        "readyz",
        "readiness",
        "live",
        "livez",
        "liveness",
        "actuator",
        "metric",
        "prometheus",
    }
    | {"favicon", "robot", "sitemap", "static", "asset", "swagger", "doc", "error", "status", "ping", "info", "index"}
    | {"admin", "login", "config", "env", "php", "wp"}
)
"""Asked of everybody: by probes, scrapers, browsers and scanners."""


@dataclass(frozen=True, slots=True)
class _Strange:
    """What a workload was asked for and does not know: the telling part of the path, and a line that says so."""

    part: str
    log: Log
    line: str


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each gateway and workload that it sends strange requests to."""
    asked = {w.ref: paths for w in case.workloads if not passes_on(w) and (paths := list(_strange(case, w)))}
    for gateway in case.workloads if asked else ():
        routes = [route for route in routed(case, gateway) if route.service is not None]
        if len({id(route.service) for route in routes}) < 2:
            continue  # who calls one Service only does not route
        for workload in case.workloads:
            for strange in asked.get(workload.ref, ()) if workload is not gateway else ():
                found = _judge(case, gateway, routes, workload, strange)
                if found is not None:
                    yield found
                    break


def _strange(case: Case, workload: Workload) -> Iterator[_Strange]:
    """Paths that it refuses again and again, until now, and never serves."""
    for pod in workload.living:
        for log in case.logs(pod):
            listened = case.listen(log)
            by_part: dict[str, list[Remark]] = {}
            for remark in listened.heard(_UNKNOWN):
                match = _UNKNOWN.pattern.search(remark.line)
                path = next((text for text in match.groups() if text), "") if match is not None else ""
                if part := _telling(path):
                    by_part.setdefault(part, []).append(remark)
            for part, remarks in by_part.items():
                last = max(remarks, key=lambda r: r.last)
                often = sum(r.count for r in remarks) >= OFTEN
                if often and listened.recency(last.last) >= LATE and not _serves(case, workload, part):
                    yield _Strange(part, log, last.line)


def _telling(path: str) -> str:
    """The first part of a path that says what it is about: ``orders`` of ``/api/v1/orders/17``."""
    for part in path.split("?")[0].strip("/").split("/")[:4]:
        said = words(part)
        if said & _NOBODYS or "." in part:
            return ""
        if said and not any(c.isdigit() for c in part):
            return part
    return ""


def _serves(case: Case, workload: Workload, part: str) -> bool:
    """Whether its log speaks of such a path without refusing it."""
    at = re.compile(rf"(?<![\w.]){re.escape(f'/{part}')}(?![\w-])")
    return any(
        at.search(remark.line) is not None and _UNKNOWN.match(remark.line) is None
        for pod in workload.living
        for log in case.logs(pod)
        for remark in case.listen(log).holding((f"/{part}".lower(),))
    )


def _judge(case: Case, gateway: Workload, routes: list[Route], workload: Workload, strange: _Strange) -> Finding | None:
    there = [r for r in routes if r.service is not None and stores.behind_service(case, r.service) is workload]
    if not there:
        return None
    said = words(strange.part)
    owner = _owner(case, gateway, routes, workload, strange.part)
    named = next((r for r in there if said <= words(r.said)), None)
    if named is None and not owner:
        return None
    route = named or there[-1]
    whose = f", which {owner} serves," if owner else ""
    return of_workload(
        Cause.GATEWAY_MISROUTED,
        gateway,
        [],
        "",
        confidence=(90 if named is not None and owner else 82) if passes_on(gateway) or named is not None else 72,
        summary=f"{gateway.ref} sends requests of /{strange.part}{whose} to {workload.ref}, which does not know them",
        evidence=[citing.of_log(strange.log, strange.line), route.citation],
        facts={"route": f"/{strange.part}"[:256], "backend": route.to[:256], "expected": owner},
    )


def _owner(case: Case, gateway: Workload, routes: list[Route], not_by: Workload, part: str) -> str:
    """The Service that another route of that path leads to, that is named so, or whose workload serves the path."""
    said = words(part)
    place = fields.namespace(gateway.object)
    for route in routes:
        if route.service is not None and said <= words(route.said):
            behind = stores.behind_service(case, route.service)
            if behind is not None and behind is not not_by:
                return fields.name(route.service)
    for name, (service, own) in services(case, place).items():
        behind = stores.behind_service(case, service)
        if own and own <= said and behind is not None and behind not in (not_by, gateway):
            return name
    for other in case.workloads:
        if other not in (not_by, gateway) and not passes_on(other) and _serves(case, other, part):
            return fields.name(other.object)
    return ""
