"""Requests are slow though nobody is short of anything: at whose network are they held up?

Delay at a workload slows itself, everybody above it in the calls, and what it calls itself. Delay at a node slows
the workloads there that are called from other nodes, and those above them; what stays within the node is not touched.
Each candidate predicts who is slow; the one whose prediction fits best is the cause.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from incident_agents.diagnosis.analysers.nodes import known
from incident_agents.diagnosis.calls import above, calls
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.measures import Measure
from incident_agents.diagnosis.movements import Movement, movements, of_ref
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import target_of

_TIMES, _MILLISECONDS = 3.0, 40.0
_SURE, _LIKELY, _MAYBE, _NEVER = 0.9, 0.8, 0.5, 0.06
"""How likely somebody is slow who must be, who gets most of his calls that way, who gets some, who gets none."""
_RETRANSMITTED = 2.0
"""Segments a second that are sent again. Delay alone brings some, at both ends; loss brings many, where it is."""
_SEEN = 2.5
"""What it adds to the fit of a place that packets are seen to be lost there."""
_NOT_SEEN = 0.7
"""What it takes from the fit of a place that nobody measured how late it is itself: a cache, a database."""
_MOST = 3
"""How many candidates are told."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    ref: str
    sure: frozenset[str]
    likely: frozenset[str]
    maybe: frozenset[str]

    def fit(self, slow: frozenset[str], all_: frozenset[str]) -> float:
        """Log-likelihood of who is slow and who is not."""
        total = 0.0
        for ref in all_:
            expected = (
                _SURE
                if ref in self.sure
                else _LIKELY
                if ref in self.likely
                else _MAYBE
                if ref in self.maybe
                else _NEVER
            )
            total += math.log(expected if ref in slow else 1 - expected)
        return total


def analyse(case: Case) -> Iterator[Finding]:
    """The likeliest places, when several workloads are slow and none of them for want of CPU."""
    moved = movements(case)
    lost = _loss(moved)
    slow = _slow(moved)
    if not slow or _busy(moved) or not (lost or _late(slow)):
        return
    graph = calls(case)
    measured = _timed(moved) & graph.keys()
    worst = max(lost, key=lambda ref: lost[ref].peak, default="")
    fitted = _candidates(case, graph, frozenset(slow), measured)
    weighed = [(fit + (_SEEN if c.ref == worst else 0) + _steepest(slow.get(c.ref, [])), c) for fit, c in fitted]
    ranked = sorted(weighed, key=lambda found: -found[0])
    if not ranked:
        return
    best = ranked[0][0]
    close = max(0.0, 1 - (best - ranked[1][0])) if len(ranked) > 1 else 0.0
    unmeasured = _WITHOUT_CPU if not lost and not _cpu_is_measured(moved, slow.keys()) else 0
    for n, (fit, candidate) in enumerate(ranked[:_MOST]):
        behind = best - fit
        confidence = round(max(20, 80 - unmeasured - _CLOSE * close - 14 * behind - (4 if n else 0)))
        if not lost and not _measured(slow):
            confidence = min((_AGREED if len(slow) > 1 else _SUSPECTED) - n, confidence)
        found = _finding(case, candidate, slow, confidence, lost)
        yield replace(found, summary=f"{found.summary}{_UNMEASURED}"[:1000]) if unmeasured else found


_SUSPECTED, _AGREED = 46, 58
"""At most, when only the name of an alert, or of several, says that requests are slow: nobody measured by how much."""
_CLOSE = 10
"""How much less sure all are when two places explain it equally well."""
_WITHOUT_CPU = 12
_UNMEASURED = "; CPU is not measured there, so want of CPU is not ruled out"


def _cpu_is_measured(moved: list[Movement], slow: Iterable[str]) -> bool:
    """Of any that is slow; alerts alone, too, would have told of CPU."""
    known = {m.subject for m in moved if m.measure in (Measure.CPU, Measure.THROTTLING)}
    return any(ref in known for ref in slow) or all(m.alerted for m in moved)


def _timed(moved: list[Movement]) -> frozenset[str]:
    """Whose slowness would be seen: where latency is measured, of whom it is; else all that is known.

    A latency of zero all the time is that of who speaks no HTTP: a cache, a database.
    """
    late = {m.subject for m in moved if m.measure is Measure.LATENCY and not m.alerted and m.peak > 0}
    return frozenset(late or {m.subject for m in moved})


def _steepest(moved: list[Movement]) -> float:
    """A little for who slowed down most, for want of better when it is not known who calls whom."""
    return 0.2 * math.log10(max([1.0, *(m.rose for m in moved if m.measure is Measure.LATENCY)]))


def _late(slow: dict[str, list[Movement]]) -> bool:
    """Whether anybody is late: what merely fails is not held up by a network."""
    return any(m.measure is Measure.LATENCY for moves in slow.values() for m in moves)


def _measured(slow: dict[str, list[Movement]]) -> bool:
    """Whether latency was measured: as a series, or by an alert that says from what to what it rose."""
    return any(m.measure is Measure.LATENCY and m.before is not None for moves in slow.values() for m in moves)


def _slow(moved: list[Movement]) -> dict[str, list[Movement]]:
    """Workloads whose requests take much longer, or fail, than before. What was measured contradicts a mere alert."""
    found: dict[str, list[Movement]] = {}
    timed = {m.subject for m in moved if m.measure is Measure.LATENCY and not m.alerted}
    for m in moved:
        if m.subject.startswith("Node/"):
            continue
        said = m.alerted and not (m.before is None and m.subject in timed)
        late = m.measure is Measure.LATENCY and (said or (m.rose >= _TIMES and m.by >= _MILLISECONDS))
        fails = (m.measure is Measure.SUCCESS and (m.alerted or m.by < -0.1)) or (
            m.measure is Measure.ERRORS and (m.alerted or (m.rose >= _TIMES and m.by > 0.1))
        )
        if late or fails:
            found.setdefault(m.subject, []).append(m)
    return found


def _busy(moved: list[Movement]) -> bool:
    """Whether somebody is throttled or uses much more CPU: then that is why."""
    return any(
        m.measure in (Measure.THROTTLING, Measure.CPU)
        and not m.subject.startswith("Node/")
        and (m.alerted or (m.rose >= 2.5 and m.by >= 0.08))
        for m in moved
    )


def _candidates(
    case: Case, graph: dict[str, frozenset[str]], slow: frozenset[str], measured: frozenset[str]
) -> Iterator[tuple[float, _Candidate]]:
    everybody = measured | slow
    # Where only alerts speak, who is silent is well.
    called = frozenset[str]().union(*(graph.get(ref, frozenset()) for ref in slow)) if measured - slow else frozenset()
    for ref in graph:
        if ref in slow:
            made = _at_workload(ref, graph)
            yield made.fit(slow, everybody), made
        elif ref in called - everybody:
            made = _at_workload(ref, graph)
            yield made.fit(slow, everybody) - _NOT_SEEN, made
    placed = _placed(case)
    for node in known(case):
        here = {ref for ref, nodes in placed.items() if fields.name(node) in nodes}
        if here & slow:
            made = _at_node(f"Node/{fields.name(node)}", graph, here)
            yield made.fit(slow, everybody), made


def _at_workload(ref: str, graph: dict[str, frozenset[str]]) -> _Candidate:
    """Those that only it calls get all their calls late; so does nearly everybody whom the entry calls."""
    callers = {called: {c for c, theirs in graph.items() if called in theirs} for called in graph[ref]}
    entry = not above(graph, ref)
    likely = frozenset(called for called, theirs in callers.items() if entry or theirs == {ref})
    return _Candidate(ref, frozenset({ref}) | above(graph, ref), likely, graph[ref] - likely)


def _placed(case: Case) -> dict[str, frozenset[str]]:
    return {w.ref: frozenset(n for p in w.living if (n := fields.text(p, "spec", "nodeName"))) for w in case.workloads}


def _at_node(ref: str, graph: dict[str, frozenset[str]], here: set[str]) -> _Candidate:
    sure: set[str] = set()
    maybe: set[str] = set()
    for workload in here:
        callers = {caller for caller, called in graph.items() if workload in called}
        outside = callers - here
        if not callers or outside == callers:
            sure.add(workload)
        elif outside:
            maybe.add(workload)
        maybe |= graph[workload] - here
    for workload in list(sure):
        sure |= above(graph, workload)
    return _Candidate(ref, frozenset(sure), frozenset(), frozenset(maybe - sure))


def _loss(moved: list[Movement]) -> dict[str, Movement]:
    """Nodes and workloads that send much again, or lose packets."""
    found: dict[str, Movement] = {}
    for m in moved:
        again = m.measure is Measure.RETRANSMISSIONS and m.peak >= _RETRANSMITTED and m.rose >= _TIMES
        dropped = m.measure is Measure.LOSS and (m.alerted or m.rose >= _TIMES)
        if (again or dropped) and (m.subject not in found or found[m.subject].peak < m.peak):
            found[m.subject] = m
    return found


def _finding(
    case: Case, candidate: _Candidate, slow: dict[str, list[Movement]], confidence: int, lost: dict[str, Movement]
) -> Finding:
    cause = Cause.PACKET_LOSS if lost else Cause.NETWORK_LATENCY
    what = "packets get lost" if lost else "packets are held up"
    names = ", ".join(sorted(r.rsplit("/", 1)[-1] for r in slow))
    evidence: list[Citation] = [m.citation for m in slow.get(candidate.ref, [])[:3]]
    evidence += [m.citation for m in lost.values()][:2]
    evidence += [m.citation for ref, moves in slow.items() if ref != candidate.ref for m in moves[:1]]
    said = f"{what} at {candidate.ref}: that explains best who is slow ({names})"
    about = frozenset({candidate.ref, *(slow.keys() & (candidate.sure | candidate.likely | candidate.maybe))})
    if candidate.ref.startswith("Node/"):
        name = candidate.ref.removeprefix("Node/")
        facts = {"node": name}
        object_ = next((target_of(n) for n in known(case) if fields.name(n) == name), None)
        return Finding(cause, object_, confidence, said[:1000], tuple(evidence), facts, about)
    workload = of_ref(case, candidate.ref)
    if workload is None:
        raise LookupError(candidate.ref)
    late = max(slow.get(candidate.ref, []), key=lambda m: m.by, default=None)
    facts = {}
    if late is not None and late.before is not None:
        key = "loss" if lost else "latency"
        facts = {key: f"{late.after:.4g}", "baseline": f"{late.before:.4g}"}
    base = of_workload(cause, workload, [], "", confidence=confidence, summary=said, evidence=evidence, facts=facts)
    return Finding(
        base.cause, base.object, base.confidence, base.summary, base.evidence, base.facts, base.about | about
    )
