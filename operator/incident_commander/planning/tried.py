"""What had its chance already, so that it is not proposed, accepted or asked about again. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from incident_commander.api.incident import Attempt, PastRound, RoundDecision

SILENCES = 2
"""Rounds without a quorum for or against one runbook's plan, until another comes first.

Such a round says that agents were silent, as when they are restarted, and nothing about the plan. Who is silent a
second time may be so because of it.
"""


def answered(history: Sequence[PastRound]) -> list[PastRound]:
    """The rounds whose plan is not put again; one that is out of date may be made anew."""
    silences = Counter(past.runbook for past in history if past.decision is RoundDecision.EXPIRED)

    def final(past: PastRound) -> bool:
        if past.decision is RoundDecision.EXPIRED:
            return silences[past.runbook] >= SILENCES
        return past.decision not in (RoundDecision.STALE, RoundDecision.OUTDATED)

    return [past for past in history if final(past)]


def tried_runbooks(history: Sequence[PastRound], attempts: Iterable[Attempt]) -> set[str]:
    """Names of those whose plan was rejected, met with silence more than once, or was carried out."""
    names = {past.runbook for past in answered(history)} | {attempt.runbook for attempt in attempts}
    return names - {""}
