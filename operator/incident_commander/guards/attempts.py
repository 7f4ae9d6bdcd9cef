"""A limited number of attempts per Incident."""

from __future__ import annotations

from incident_commander.api.policy import Limits
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.history import of_incident
from incident_commander.guards.verdicts import allow, deny


def attempts_left(given: GuardInput) -> GuardVerdict:
    """Every recorded attempt counts: also those that did nothing, were refused, or came to no conclusion."""
    if given.undoing:
        return allow("Undoing")
    limit = (given.policy.spec.limits if given.policy is not None else Limits()).max_attempts
    made = len(of_incident(given))
    if made < limit:
        return allow("AttemptsLeft", f"attempt {made + 1} of {limit}")
    return deny(
        "AttemptsExhausted", f"{made} of {limit} attempts were made (spec.limits.maxAttempts); people take over"
    )
