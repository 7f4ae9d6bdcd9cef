"""A limited number of attempts per hour in the whole cluster."""

from __future__ import annotations

from datetime import timedelta

from incident_commander.api.policy import Limits
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.history import others, wrote
from incident_commander.guards.verdicts import allow, deny

HOUR = timedelta(hours=1)


def within_budget(given: GuardInput) -> GuardVerdict:
    """``spec.limits.maxPerHour`` attempts that wrote something, in any sliding hour."""
    if given.undoing:
        return allow("Undoing")
    limit = (given.policy.spec.limits if given.policy is not None else Limits()).max_per_hour
    since = given.now - HOUR
    times = sorted(p.attempt.started_at for p in others(given) if wrote(p.attempt) and p.attempt.started_at > since)
    if len(times) < limit:
        return allow("WithinBudget", f"{len(times)} of {limit} this hour")
    free = times[len(times) - limit] + HOUR
    return deny(
        "HourlyBudgetSpent",
        f"{len(times)} remediations in the last hour; the policy allows {limit} (spec.limits.maxPerHour). The next one"
        f" may start at {free:%H:%M:%S} UTC",
        retry_at=free,
    )
