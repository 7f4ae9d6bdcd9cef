"""Which of the past attempts matter to the one that is to be made."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from incident_commander.api.incident import Attempt, StepOutcome
from incident_commander.api.plan import Verb
from incident_commander.guards.guard import GuardInput, PastAttempt

_UNDER_WAY = frozenset({StepOutcome.INTENDED, StepOutcome.APPLIED, StepOutcome.UNDOING})
"""While its Incident is open: being written, being measured, or being taken back."""
_NOT_WRITTEN = frozenset({StepOutcome.REFUSED, StepOutcome.NO_OP})


def others(given: GuardInput) -> list[PastAttempt]:
    """All attempts but the one that carries out this very plan (later steps of it, or a resumed one)."""
    uid, digest = given.incident.metadata.uid, given.plan.digest
    own = [
        PastAttempt(uid, given.incident.key, given.incident.status.phase.terminal, attempt)
        for attempt in given.incident.status.execution.attempts
    ]
    found = {(past.incident_uid, past.attempt.id): past for past in [*given.history, *own]}
    return [p for p in found.values() if (p.incident_uid, p.attempt.plan_digest) != (uid, digest)]


def of_incident(given: GuardInput) -> list[Attempt]:
    """Earlier attempts of this Incident."""
    return [p.attempt for p in others(given) if p.incident_uid == given.incident.metadata.uid]


def under_way(past: PastAttempt) -> bool:
    """Whether the attempt is not over: its Incident is open and its writes stand or are being made."""
    return not past.terminal and past.attempt.outcome in _UNDER_WAY


def wrote(attempt: Attempt) -> bool:
    """Whether something was, or may have been, written. Escalations write nothing."""
    if attempt.outcome in _NOT_WRITTEN:
        return False
    steps = [s for s in attempt.steps if s.verb is not Verb.NONE]
    return not attempt.steps or any(s.outcome not in _NOT_WRITTEN for s in steps)


def touches(attempt: Attempt, uids: Iterable[str]) -> bool:
    """Whether a step of the attempt acts on one of these objects."""
    wanted = set(uids)
    return any(s.target.uid in wanted for s in attempt.steps if s.verb is not Verb.NONE)


def last_moment(attempt: Attempt) -> datetime:
    """When the attempt last did something."""
    times = [s.finished_at for s in attempt.steps if s.finished_at is not None]
    return max([attempt.started_at, *times, *([attempt.finished_at] if attempt.finished_at else [])])


def target_uids(given: GuardInput) -> set[str]:
    """The object to be written, and the one that the plan is about."""
    found = {given.step.target.uid, given.plan.object.uid, given.target.get("metadata", {}).get("uid")}
    return {uid for uid in found if uid}
