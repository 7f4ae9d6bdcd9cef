"""CPU and disk: a workload or a node uses all that it has, or is throttled, compared with its own history."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.measures import Measure
from incident_agents.diagnosis.movements import Movement, movements, of_ref
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import target_of

_TIMES, _CORES, _THROTTLED = 2.5, 0.05, 0.15
_NODE_BUSY = 85.0
_SURGE = 2.5
_NEAR = 0.8
"""Of its limit: the kernel takes no CPU from who stays below, as far as minutes tell."""
_NOT_SHORT = 46
_LIMIT = ("resources", "limits", "cpu")


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and node whose CPU or load rose."""
    by_subject: dict[str, list[Movement]] = {}
    for movement in movements(case):
        by_subject.setdefault(movement.subject, []).append(movement)
    for subject, moved in by_subject.items():
        if subject.startswith("Node/"):
            yield from _node(case, subject, moved)
        else:
            yield from _workload(case, subject, moved)


def _workload(case: Case, subject: str, moved: list[Movement]) -> Iterator[Finding]:
    workload = of_ref(case, subject)
    if workload is None:
        return
    cpu = [m for m in moved if m.measure is Measure.CPU and _up(m, _TIMES, _CORES)]
    throttled = [m for m in moved if m.measure is Measure.THROTTLING and _up(m, _TIMES, _THROTTLED)]
    if not cpu and not throttled:
        return
    slow = [m for m in moved if m.measure is Measure.LATENCY and _up(m, 2.0, 5.0)]
    surge = [m for m in moved if m.measure is Measure.REQUESTS and m.rose >= _SURGE]
    measured = any(not m.alerted for m in cpu + throttled)
    idle = _has_room(workload, cpu) if not throttled else ""
    confidence = 70 + (12 if cpu and throttled else 0) + (6 if slow else 0) + (4 if measured else 0)
    top = max((m for m in cpu or throttled), key=lambda m: m.rose)
    words = (
        f"its CPU use rose from {top.before:.3g} to {top.after:.3g}" if top.before is not None else "an alert says so"
    )
    cited = [m.citation for m in sorted(cpu + throttled + slow, key=lambda m: m.alerted)]
    facts = {"usage": f"{top.after:.3g}", "baseline": f"{top.before:.3g}"} if top.before is not None else {}
    short = "uses more CPU than before" if idle else f"is short of CPU{' and throttled' if throttled else ''}"
    yield of_workload(
        Cause.CPU_SATURATED,
        workload,
        list(workload.ready[:1]),
        "",
        confidence=min(confidence, _NOT_SHORT) if idle else confidence,
        summary=f"{workload.ref} {short}: {words}{idle}",
        evidence=cited,
        facts=facts,
    )
    if surge:
        most = max(surge, key=lambda m: m.rose)
        yield of_workload(
            Cause.TRAFFIC_SURGE,
            workload,
            list(workload.ready[:1]),
            "",
            confidence=min(90, confidence + 4),
            summary=f"{workload.ref} gets {most.rose:.1f} times its usual requests",
            evidence=[most.citation, *cited[:3]],
            facts={"rate": f"{most.after:.3g}", "baseline": f"{most.before:.3g}"},
        )


def _has_room(workload: Workload, cpu: list[Movement]) -> str:
    """In words, when all that its CPU was measured to use is far below what it may use."""
    limits = [
        sum(float(fields.quantity(c, *_LIMIT) or inf) for c in fields.items(pod, "spec", "containers"))
        for pod in workload.living
    ]
    peak = max((m.peak for m in cpu if not m.alerted), default=None)
    if not limits or peak is None or min(limits) == inf or peak >= _NEAR * min(limits):
        return ""
    return f", which is {peak / min(limits):.0%} of its limit"


def _up(moved: Movement, times: float, by: float) -> bool:
    return moved.alerted or (moved.rose >= times and moved.by >= by)


def _node(case: Case, subject: str, moved: list[Movement]) -> Iterator[Finding]:
    """A node's CPU in per cent of all its cores, its disks in per cent or as a ratio."""
    node = case.find(kinds.NODE, "", subject.removeprefix("Node/"))
    causes = {Measure.CPU: Cause.CPU_SATURATED, Measure.DISK: Cause.DISK_SATURATED}
    for m in moved:
        busy = m.after >= _NODE_BUSY or (m.measure is Measure.DISK and 0.9 <= m.after <= 1.0)
        if node is None or m.measure not in causes or m.before is None or not busy or m.rose < 1.3:
            continue
        here = [p for p in case.evidence.of(kinds.POD) if fields.text(p, "spec", "nodeName") == fields.name(node)]
        workloads = {w.ref for p in here if (w := case.workload_of(p)) is not None}
        yield Finding(
            cause=causes[m.measure],
            object=target_of(node),
            confidence=76,
            summary=f"node {fields.name(node)} is busy: {m.name} is {m.after:.3g}, {m.before:.3g} before",
            evidence=(m.citation,),
            facts={"node": fields.name(node), "usage": f"{m.after:.3g}", "baseline": f"{m.before:.3g}"},
            about=frozenset({subject, *workloads}),
        )
