"""After a plan that came to nothing: ask for the next one, or hand over to people."""

from __future__ import annotations

from incident_commander.api.conditions import ConditionType
from incident_commander.api.incident import Outcome, Phase, StepOutcome
from incident_commander.api.reasons import Reason
from incident_commander.coordinator.transition import Draft, Transition
from incident_commander.coordinator.view import View


def ask_again(view: View, draft: Draft, reason: Reason, message: str) -> Transition:
    """Back to Planning with a new serial, or to people when the rounds or attempts are used up.

    The plan, its certificate and what was measured stay on record until the next plan takes their place.
    """
    status = view.incident.status
    consensus = draft.fields.get("consensus", status.consensus)
    policy = view.policy
    max_rounds = policy.spec.consensus.max_rounds if policy else 3
    max_attempts = policy.spec.limits.max_attempts if policy else 1
    attempts = len(status.execution.attempts)
    if consensus.round >= max_rounds or attempts >= max_attempts:
        used = f"{consensus.round} of {max_rounds} rounds and {attempts} of {max_attempts} attempts used"
        return escalate(draft, reason, f"{message}; {used}")
    draft.set(
        phase=Phase.PLANNING,
        planning_serial=status.planning_serial + 1,
        deadline=view.after(view.settings.planning_seconds),
        message=message[:1024],
    )
    draft.condition(ConditionType.PLANNED, False, reason, message)
    return draft.done(float(view.settings.planning_seconds))


def escalate(draft: Draft, reason: Reason, message: str) -> Transition:
    """Hand over to people; the outcome says whether something was done and taken back."""
    undone = any(a.outcome is StepOutcome.UNDONE for a in draft.incident.status.execution.attempts)
    outcome = Outcome.ROLLED_BACK if undone else Outcome.ESCALATED
    return draft.end(Phase.ESCALATED, outcome, reason, message, resolved=False).done()
