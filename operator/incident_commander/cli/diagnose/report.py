"""What a diagnosis says to a person: the verdict first, then evidence, what was ruled out, and what was not seen."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from incident_agents.diagnosis.driving import Driving, Order, driving, order
from incident_agents.diagnosis.engine import is_healthy
from incident_agents.diagnosis.examined import Examined, without_finding
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation, Diagnosis, Hypothesis
from incident_commander.evidence.changes import Change, timeline
from incident_commander.evidence.evidence import Evidence


class Verdict(enum.StrEnum):
    """In one word."""

    CAUSE_FOUND = "CauseFound"
    HEALTHY = "Healthy"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Report:
    """``hypotheses`` are confident, best first; ``suspicions`` are below the bar."""

    subject: str
    captured_at: datetime
    verdict: Verdict
    headline: str
    hypotheses: Sequence[Hypothesis]
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


def report_of(subject: str, evidence: Evidence, diagnosis: Diagnosis) -> Report:
    """The report about ``subject``, which names the target, the namespace or the bundle."""
    confident = [h for h in diagnosis.hypotheses if h.confidence >= BAR and h.cause is not Cause.UNKNOWN]
    others = [h for h in diagnosis.hypotheses if h not in confident]
    unknown = next((h for h in others if h.cause is Cause.UNKNOWN), None)
    if confident:
        verdict = Verdict.CAUSE_FOUND
        headline = f"{confident[0].cause} in {confident[0].object}" if confident[0].object else str(confident[0].cause)
    else:
        verdict = Verdict.HEALTHY if is_healthy(diagnosis) else Verdict.UNKNOWN
        headline = unknown.summary if unknown is not None else "nothing was found"
    return Report(
        subject=subject,
        captured_at=evidence.captured_at,
        verdict=verdict,
        headline=headline,
        hypotheses=confident,
        suspicions=[h for h in others if h.cause is not Cause.UNKNOWN],
        ruled_out=without_finding(evidence, None, evidence.captured_at),
        looked_at=_looked_at(evidence),
        not_seen=list(evidence.gaps),
        changes=timeline(evidence),
        series=driving(evidence, diagnosis.hypotheses[0]) if diagnosis.hypotheses else (),
        order=order(evidence),
        clues=[] if confident or verdict is Verdict.HEALTHY or unknown is None else unknown.evidence,
    )


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
