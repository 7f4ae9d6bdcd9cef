"""What a diagnosis says to a person: the verdict first, then evidence, what was ruled out, and what was not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from incident_agents.diagnosis.driving import Driving, Order, driving, order
from incident_agents.diagnosis.engine import Workup
from incident_agents.diagnosis.examined import Examined, without_finding
from incident_agents.diagnosis.ranking import BAR
from incident_agents.diagnosis.verdict import Verdict
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation, Hypothesis
from incident_commander.evidence.changes import Change, timeline
from incident_commander.evidence.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Root:
    """A cause that is believed, and what needs no other: its ``effects``, the likeliest first."""

    cause: Hypothesis
    effects: Sequence[Hypothesis]


@dataclass(frozen=True, slots=True)
class Report:
    """``roots`` are confident, best first; ``suspicions`` are below the bar, and no effect of a root."""

    subject: str
    captured_at: datetime
    verdict: Verdict
    headline: str
    roots: Sequence[Root]
    suspicions: Sequence[Hypothesis]
    ruled_out: Sequence[Examined]
    looked_at: Mapping[str, int]
    """Objects by ``Kind.resource``; ``logs``, ``logLines``, ``series``, ``alerts``. Without what there is none of."""
    not_seen: Sequence[str]
    changes: Sequence[Change] = ()
    """What changed and what was seen of it, the oldest first."""
    series: Sequence[Driving] = ()
    """What the first hypothesis cites of them."""
    clues: Sequence[Citation] = ()
    """Where a person would go on when no cause is named."""
    order: Order = field(default_factory=Order)
    """Which series moved first."""


def report_of(subject: str, workup: Workup) -> Report:
    """The report about ``subject``, which names the target, the namespace or the bundle."""
    evidence, hypotheses = workup.case.evidence, workup.diagnosis.hypotheses
    roots, rest = _roots(workup)
    unknown = next((h for h in hypotheses if h.cause is Cause.UNKNOWN), None)
    headline = unknown.summary if unknown is not None else "nothing was found"
    if roots:
        first = roots[0].cause
        headline = f"{first.cause} in {first.object}" if first.object else str(first.cause)
    return Report(
        subject=subject,
        captured_at=evidence.captured_at,
        verdict=workup.verdict,
        headline=headline,
        roots=roots,
        suspicions=rest,
        ruled_out=without_finding(workup),
        looked_at=_looked_at(evidence),
        not_seen=list(evidence.gaps),
        changes=timeline(evidence),
        series=driving(evidence, hypotheses[0]) if hypotheses else (),
        order=order(evidence),
        clues=[] if unknown is None or workup.verdict is Verdict.HEALTHY else unknown.evidence,
    )


def _roots(workup: Workup) -> tuple[list[Root], list[Hypothesis]]:
    """The confident ones that no other of them explains; and what remains, neither a root nor an effect of one."""
    hypotheses = workup.diagnosis.hypotheses
    places = [n for n, h in enumerate(hypotheses) if h.cause is not Cause.UNKNOWN]
    roots: list[Root] = []
    told: set[int] = set()
    for n in places:
        if hypotheses[n].confidence >= BAR and n not in told:
            effects = sorted(workup.effects[n] - told)
            told |= {n, *effects}
            roots.append(Root(hypotheses[n], [hypotheses[m] for m in effects]))
    return roots, [hypotheses[n] for n in places if n not in told]


def _looked_at(evidence: Evidence) -> dict[str, int]:
    series = sum(len(s) for s in evidence.series.values()) + sum(len(m.series) for m in evidence.metrics.values())
    found = {
        **{resource: len(objects) for resource, objects in evidence.objects.items()},
        "logs": len(evidence.logs),
        "logLines": sum(len(log.lines) for log in evidence.logs),
        "series": series,
        "alerts": len(evidence.alerts),
    }
    return {what: amount for what, amount in found.items() if amount}
