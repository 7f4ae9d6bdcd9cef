"""A circuit breaker is open, or a limit of requests is reached, for a dependency inside of the cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from incident_agents.diagnosis import outside
from incident_agents.diagnosis.addresses import Address
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.naming import meant, words
from incident_agents.diagnosis.outside import Failing
from incident_agents.diagnosis.said import said
from incident_agents.diagnosis.stores import behind_service
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Log, reference
from incident_commander.evidence.structured import message_of
from incident_commander.ports import Object

_NAMED = re.compile(
    r"CircuitBreaker '(?P<a>[^']{1,100})'|circuit ?breaker[ :]+[\"'\[]?(?P<b>[\w.-]{1,100})[\"'\]]? is (?:now )?open"
    r"|(?P<c>[\w-]{2,100}) (?:circuit )?short-circuited|for command[ =:]+(?P<d>[\w-]{1,100})",
    re.IGNORECASE,
)
_KINDS: tuple[tuple[Failing, Words], ...] = ((Failing.BROKEN, outside.BREAKER), (Failing.LIMITED, outside.LIMITED))
_OFTEN = 3
_SAY = {
    Failing.BROKEN: "is not asked any more by",
    Failing.LIMITED: "limits the requests of",
}


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload, way and dependency: the Service that the words name, else the breaker's name."""
    for workload in case.workloads:
        for failing, pattern in _KINDS:
            done: set[str] = set()
            for log, line in said(case, workload, pattern, often=_OFTEN):
                hosts = outside.called(line)
                if any(outside.is_outside(case, host) for host in hosts):
                    continue  # ``external`` tells of it
                service, name = _whom(case, workload, line, hosts)
                if name and name not in done:
                    done.add(name)
                    yield _finding(case, workload, failing, service, name, (log, line))


def _whom(case: Case, workload: Workload, line: str, hosts: list[str]) -> tuple[Object | None, str]:
    """The Service that a line is about, and its name or that of the breaker; empty where the line tells neither."""
    place = fields.namespace(workload.object)
    for host in hosts:
        service = case.service_at(Address(host, None), place)
        if service is not None and behind_service(case, service) is not workload:
            return service, fields.name(service)
    match = _NAMED.search(line)
    name = next((text for text in match.groups() if text), "") if match is not None else ""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)
    for known in meant(case, place, words(spaced)) if name else ():
        service = case.find(kinds.SERVICE, place, known)
        if service is not None and behind_service(case, service) is not workload:
            return service, known
    return None, name


def _finding(
    case: Case, workload: Workload, failing: Failing, service: Object | None, name: str, quote: tuple[Log, str]
) -> Finding:
    behind = behind_service(case, service) if service is not None else None
    sick = [p for p in workload.living if case.unwell(p)]
    base = of_workload(
        Cause.DEPENDENCY_SLOW if failing.slow else Cause.DEPENDENCY_DOWN,
        behind or workload,
        [],
        "",
        confidence=54 + (4 if sick else 0),
        summary=f"{name} {_SAY[failing]} {workload.ref}: {message_of(quote[1])}",
        evidence=[citing.of_log(*quote)],
        facts={
            "dependency": name,
            "dependent": f"{workload.kind}/{fields.name(workload.object)}",
            "reason": failing.value,
        },
    )
    points_to = {reference(service)} if service is not None else set()
    points_to |= {behind.ref} if behind is not None else set()
    about = {workload.ref, *(reference(p) for p in sick)}
    object_ = base.object if behind is not None else None
    return replace(base, object=object_, about=frozenset(about), depends_on=frozenset(points_to))
