"""A workload is scaled to zero, and somebody calls it."""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis import endpoints
from incident_agents.diagnosis.analysers.lagging import backlogs
from incident_agents.diagnosis.callers import complaints, configured
from incident_agents.diagnosis.calls import calls
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.owners import selects
from incident_commander.ports import Object

_NOBODY_ASKS = 46
"""Scaled to zero for a while, and nobody misses it: many are, on purpose."""


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each Deployment and StatefulSet without wanted replicas."""
    for workload in case.workloads:
        if workload.kind in ("Deployment", "StatefulSet") and fields.integer(workload.object, "spec", "replicas") == 0:
            yield _finding(case, workload)


def _finding(case: Case, workload: Workload) -> Finding:
    services = [s for s in _services(case, workload) if not endpoints.ready(case, s)]
    quotes = [(caller, quote) for s in services for caller, quote, _ in complaints(case, s)]
    names = {fields.name(s) for s in services}
    callers = [w for w in case.workloads if w is not workload and names & configured(case, w).keys()]
    events = case.events(workload.object, "ScalingReplicaSet", "SuccessfulDelete")
    # On purpose or not is not to be seen; that others need it is, or that it served until just now and somebody asks.
    missed = bool(services and events) and (bool(case.alerts) or case.evidence.target is not None)
    waiting = {ref: moved for ref, moved in backlogs(case).items() if ref in calls(case).get(workload.ref, ())}
    confidence = 92 if quotes else 84 if callers or waiting else 62 if missed else _NOBODY_ASKS
    evidence: list[Citation] = [citing.of_object(workload.object, "spec.replicas")]
    evidence += [quote for _, quote in quotes[:3]]
    evidence += [c for s in services[:2] for c in endpoints.cited(case, s)[:1]]
    evidence += [citing.of_event(e) for e in events[:1]]
    evidence += [moved.citation for moved in list(waiting.values())[:1]]
    who = ", ".join(sorted({w.ref for w, _ in quotes} | {w.ref for w in callers})[:3])
    tail = f"; {who} calls it" if who else ""
    tail += f"; messages pile up at {', '.join(waiting)}, which it takes them from" if waiting else ""
    return Finding(
        cause=Cause.SCALED_TO_ZERO,
        object=workload.target,
        confidence=confidence,
        summary=f"{workload.ref} is scaled to zero{tail}"[:1000],
        evidence=tuple(evidence),
        facts=workload.facts(),
        about=frozenset({workload.ref, *(reference(s) for s in services), *(w.ref for w, _ in quotes)}),
    )


def _services(case: Case, workload: Workload) -> list[Object]:
    labels = fields.strings(workload.object, "spec", "template", "metadata", "labels")
    return [
        s
        for s in case.evidence.of(kinds.SERVICE)
        if fields.namespace(s) == fields.namespace(workload.object)
        and (selector := fields.strings(s, "spec", "selector"))
        and selects(selector, labels)
    ]
