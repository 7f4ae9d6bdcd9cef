"""A limited number of attempts under way in the whole cluster."""

from __future__ import annotations

from datetime import timedelta

from incident_commander.api.policy import Limits
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.history import others, under_way
from incident_commander.guards.verdicts import allow, deny

LOOK_AGAIN = timedelta(seconds=30)


def slot_free(given: GuardInput) -> GuardVerdict:
    """``spec.limits.maxConcurrent`` over all Incidents, whatever policy they are under."""
    if given.undoing:
        return allow("Undoing")
    limit = (given.policy.spec.limits if given.policy is not None else Limits()).max_concurrent
    busy = sorted({p.incident for p in others(given) if under_way(p) and p.incident_uid != given.incident.metadata.uid})
    if len(busy) < limit:
        return allow("SlotFree", f"{len(busy)} of {limit} under way")
    return deny(
        "TooManyAtOnce",
        f"{len(busy)} remediations are under way ({', '.join(busy[:3])}); the policy allows {limit} at once"
        " (spec.limits.maxConcurrent)",
        retry_at=given.now + LOOK_AGAIN,
    )
