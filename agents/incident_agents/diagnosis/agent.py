"""Diagnosis as an agent: what it reads, and when it speaks again."""

from __future__ import annotations

from incident_agents.agent import Ballot, Case
from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.ranking import BAR
from incident_agents.diagnosis.vote import vote
from incident_agents.evidence_source import EvidenceSource
from incident_commander.api.incident import Phase
from incident_commander.api.plan import Plan
from incident_commander.api.role import Role
from incident_commander.api.statement import Diagnosis, Hypothesis

_NOTABLE = 5
"""Points of confidence; a smaller difference is not worth a write that wakes everybody."""


class DiagnosisAgent:
    """Gathers everything about the target and its neighbourhood."""

    role = Role.DIAGNOSIS
    speaks_in = frozenset({Phase.DIAGNOSING})

    def __init__(self, source: EvidenceSource) -> None:
        self._source = source

    async def speak(self, case: Case) -> Diagnosis | None:
        """At once; and again while it is not confident and sees something else than before."""
        before = case.own.body if case.own is not None else None
        said = _top(before) if isinstance(before, Diagnosis) else None
        if said is not None and said.confidence >= BAR:
            return None
        evidence = await self._source.evidence(case.incident)
        found = diagnose(evidence, case.incident, case.now)
        return found if said is None or _differs(said, _top(found)) else None

    async def vote(self, case: Case, plan: Plan) -> Ballot:
        """On evidence gathered now, not on what was said before."""
        evidence = await self._source.evidence(case.incident)
        decision, reason, message, cited = vote(plan, diagnose(evidence, case.incident, case.now))
        return Ballot(decision, reason, message, tuple(cited))


def _top(diagnosis: Diagnosis) -> Hypothesis | None:
    return diagnosis.hypotheses[0] if diagnosis.hypotheses else None


def _differs(before: Hypothesis, now: Hypothesis | None) -> bool:
    if now is None or (now.cause, now.object) != (before.cause, before.object):
        return True
    return now.confidence >= BAR or abs(now.confidence - before.confidence) >= _NOTABLE
