"""One attempt at a time on one target."""

from __future__ import annotations

from datetime import timedelta

from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.history import others, target_uids, touches, under_way
from incident_commander.guards.verdicts import allow, deny

LOOK_AGAIN = timedelta(seconds=30)


def unlocked(given: GuardInput) -> GuardVerdict:
    """No other open Incident is acting on, or measuring, the same object. Holds for undoing, too."""
    own, uids = given.incident.metadata.uid, target_uids(given)
    holder = next(
        (p for p in others(given) if p.incident_uid != own and under_way(p) and touches(p.attempt, uids)), None
    )
    if holder is None:
        return allow("Unlocked")
    return deny(
        "TargetLocked",
        f"Incident {holder.incident} has attempt {holder.attempt.id} under way on {given.step.target}",
        retry_at=given.now + LOOK_AGAIN,
    )
