"""Time to settle between two actions on one target."""

from __future__ import annotations

from datetime import timedelta

from incident_commander.api.policy import Limits
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.history import last_moment, others, target_uids, touches, wrote
from incident_commander.guards.verdicts import allow, deny


def cooled_down(given: GuardInput) -> GuardVerdict:
    """``spec.limits.cooldownSeconds`` since the last write to the object, by any Incident."""
    if given.undoing:
        return allow("Undoing")
    limits = given.policy.spec.limits if given.policy is not None else Limits()
    uids = target_uids(given)
    times = [last_moment(p.attempt) for p in others(given) if wrote(p.attempt) and touches(p.attempt, uids)]
    if not times:
        return allow("NoEarlierAction")
    ready = max(times) + timedelta(seconds=limits.cooldown_seconds)
    if given.now >= ready:
        return allow("CooledDown")
    return deny(
        "Cooldown",
        f"{given.step.target} was acted on at {max(times):%H:%M:%S}; the next action waits until {ready:%H:%M:%S} UTC"
        f" ({limits.cooldown_seconds} s, spec.limits.cooldownSeconds)",
        retry_at=ready,
    )
