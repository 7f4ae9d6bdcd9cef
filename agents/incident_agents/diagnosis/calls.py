"""Who calls whom: from configuration, from complaints, and from a saved list of dependencies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from incident_agents.diagnosis.callers import configured
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.stores import behind_service
from incident_commander.api import kinds
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.graph import Relation, graph

_SERVICE = re.compile(r"^\[?Service\]?: *(?P<name>[a-z0-9][-a-z0-9.]{0,252})", re.IGNORECASE)
_CALLERS = re.compile(r"called by[^:]*: *(?P<names>[a-z0-9][-a-z0-9., ]{0,1000})", re.IGNORECASE)


def calls(case: Case) -> dict[str, frozenset[str]]:
    """For each workload (by its reference) the workloads that it calls."""
    return case.once("calls", lambda: _calls(case))


def _calls(case: Case) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {w.ref: set() for w in case.workloads}
    services = {(fields.namespace(s), fields.name(s)): s for s in case.evidence.of(kinds.SERVICE)}
    for workload in case.workloads:
        place = fields.namespace(workload.object)
        names = set(configured(case, workload))
        for complaint in case.complaints[workload.ref]:
            service = case.service_at(complaint.address, place)
            if service is not None:
                names.add(fields.name(service))
        for name in names:
            behind = behind_service(case, services[place, name])
            if behind is not None and behind is not workload:
                found[workload.ref].add(behind.ref)
    for caller, called in (*_listed(case), *_seen(case)):
        if caller in found and called in found and caller != called:
            found[caller].add(called)
    return {ref: frozenset(called) for ref, called in found.items()}


def _seen(case: Case) -> Iterator[tuple[str, str]]:
    """Calls of the topology's graph: by addresses in the environment and in logs, by pairs of labels in metrics."""
    by_ref = {reference(s): s for s in case.evidence.of(kinds.SERVICE)}
    for edge in graph(case.evidence).edges:
        service = by_ref.get(edge.target) if edge.relation is Relation.CALLS else None
        behind = behind_service(case, service) if service is not None else None
        if behind is not None:
            yield edge.source, behind.ref


def _listed(case: Case) -> list[tuple[str, str]]:
    """Lines such as "Service: cart" and "Called by: web, checkout"."""
    refs = {fields.name(w.object): w.ref for w in case.workloads}
    found: list[tuple[str, str]] = []
    for note in case.evidence.notes:
        called = ""
        for line in note.lines[:2000]:
            if (service := _SERVICE.search(line)) is not None:
                called = refs.get(service["name"], "")
            elif called and (callers := _CALLERS.search(line)) is not None:
                names = (n.strip() for n in callers["names"].split(","))
                found += [(refs[n], called) for n in names if n in refs]
    return found


def above(graph: dict[str, frozenset[str]], ref: str) -> frozenset[str]:
    """Everybody who calls it, directly or through others."""
    found: set[str] = set()
    todo = [ref]
    while todo:
        here = todo.pop()
        fresh = {caller for caller, called in graph.items() if here in called} - found - {ref}
        found |= fresh
        todo += fresh
    return frozenset(found)
