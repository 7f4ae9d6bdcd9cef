"""The same fix for the same alert does not run a third time."""

from __future__ import annotations

from incident_commander.api.incident import Attempt, StepOutcome
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.history import others, target_uids, touches
from incident_commander.guards.verdicts import allow, deny

MAX_RUNS = 2


def no_loop(given: GuardInput) -> GuardVerdict:
    """Counts over the whole history that is kept, whatever came of it; only refused attempts did not run.

    The key is the runbook with an alert's fingerprint; for an Incident without alerts, with the target.
    """
    if given.undoing:
        return allow("Undoing")
    runs = [p for p in others(given) if p.attempt.outcome is not StepOutcome.REFUSED and _same_fix(given, p.attempt)]
    if len(runs) < MAX_RUNS:
        return allow("NoLoop", f"run {len(runs) + 1} of {MAX_RUNS}")
    where = ", ".join(sorted({p.incident for p in runs})[:3])
    return deny(
        "LoopDetected",
        f"runbook {given.plan.runbook} ran {len(runs)} times for this alert already ({where}) and it came back; the"
        " cause is another one, people take over",
    )


def _same_fix(given: GuardInput, attempt: Attempt) -> bool:
    if attempt.runbook != given.plan.runbook:
        return False
    fingerprints = {alert.fingerprint for alert in given.incident.spec.alerts}
    if fingerprints:
        return bool(fingerprints & set(attempt.fingerprints))
    return touches(attempt, target_uids(given))
