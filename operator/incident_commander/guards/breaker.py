"""The cluster-wide circuit breaker is closed."""

from __future__ import annotations

from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.verdicts import allow, deny


def breaker_closed(given: GuardInput) -> GuardVerdict:
    """Waiting does not help: a person looks at what went wrong and closes it."""
    if given.undoing:
        return allow("Undoing")
    if not given.breaker.tripped:
        return allow("BreakerClosed")
    why = given.breaker.reason or "no reason was recorded"
    return deny("BreakerTripped", f"the circuit breaker is open ({why}); nothing is done until a person closes it")
