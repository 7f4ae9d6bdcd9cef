"""The chain: every guard, in order. All are asked and recorded; the first denial is the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from incident_commander.api.incident import GuardResult
from incident_commander.api.plan import Verb
from incident_commander.guards.approval import approved
from incident_commander.guards.attempts import attempts_left
from incident_commander.guards.breaker import breaker_closed
from incident_commander.guards.concurrency import slot_free
from incident_commander.guards.cooldown import cooled_down
from incident_commander.guards.deny_list import not_denied
from incident_commander.guards.disruption_budget import within_disruption_budgets
from incident_commander.guards.enabled import enabled
from incident_commander.guards.freeze import not_frozen
from incident_commander.guards.gitops import not_reverted
from incident_commander.guards.guard import Guard, GuardInput
from incident_commander.guards.hourly_budget import within_budget
from incident_commander.guards.loop import no_loop
from incident_commander.guards.min_healthy import enough_healthy
from incident_commander.guards.opt_in import opted_in
from incident_commander.guards.policy_mode import policy_allows
from incident_commander.guards.scope import in_scope
from incident_commander.guards.target_lock import unlocked

CHAIN: tuple[tuple[str, Guard], ...] = (
    ("enabled", enabled),
    ("opt-in", opted_in),
    ("scope", in_scope),
    ("deny-list", not_denied),
    ("policy", policy_allows),
    ("target-lock", unlocked),
    ("cooldown", cooled_down),
    ("attempts", attempts_left),
    ("concurrency", slot_free),
    ("hourly-budget", within_budget),
    ("min-healthy", enough_healthy),
    ("disruption-budget", within_disruption_budgets),
    ("freeze", not_frozen),
    ("circuit-breaker", breaker_closed),
    ("loop", no_loop),
    ("gitops", not_reverted),
    ("approval", approved),
)
"""Name and guard. What holds for good comes before what passes with time."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What one guard said."""

    guard: str
    allowed: bool
    reason: str
    message: str
    retry_at: datetime | None

    def to_result(self) -> GuardResult:
        """As ``status.execution.guards`` records it."""
        return GuardResult(guard=self.guard, allowed=self.allowed, reason=self.reason, message=self.message[:1024])


PASSING = frozenset({"FreezeWindow", "Cooldown", "TargetLocked", "TooManyAtOnce", "HourlyBudgetSpent"})
"""Reasons that time alone takes away: they say nothing against the plan itself."""
BEFORE_APPROVAL: tuple[tuple[str, Guard], ...] = tuple(entry for entry in CHAIN if entry[1] is not approved)
"""What can be asked of a plan that nobody has voted on yet."""


def evaluate(given: GuardInput, guards: Sequence[tuple[str, Guard]] = CHAIN) -> list[Judged]:
    """Ask every guard. A step that writes nothing (Escalate) is not held up by any."""
    if given.step.verb is Verb.NONE:
        return [Judged("nothing-written", True, "NothingWritten", "", None)]
    found = []
    for name, guard in guards:
        verdict = guard(given)
        found.append(Judged(name, verdict.allowed, verdict.reason, verdict.message, verdict.retry_at))
    return found


def first_denial(judged: Sequence[Judged]) -> Judged | None:
    """The reason for not acting, or None when all guards allow it."""
    return next((j for j in judged if not j.allowed), None)


def waiting_until(judged: Sequence[Judged]) -> datetime | None:
    """When it is worth asking again: None unless every denial passes with time alone."""
    times = [j.retry_at for j in judged if not j.allowed]
    known = [t for t in times if t is not None]
    return max(known) if known and len(known) == len(times) else None
