"""A plan that a guard refuses for the time being: it waits before the vote, or is handed to people at once."""

from __future__ import annotations

from datetime import datetime

from incident_commander.api.conditions import ConditionType, find_condition
from incident_commander.api.incident import Outcome, Phase
from incident_commander.api.plan import Plan
from incident_commander.api.reasons import Reason
from incident_commander.api.statement import Hold
from incident_commander.coordinator.retrying import escalate
from incident_commander.coordinator.transition import Draft, Transition
from incident_commander.coordinator.view import View


def hold_back(view: View, draft: Draft, plan: Plan, hold: Hold) -> Transition:
    """Not put to the vote while it would be refused: votes are about now. People are told, once.

    What takes longer than ``hold_seconds`` ends at once: nobody is left waiting for an answer that is known.
    """
    status = view.incident.status
    known = find_condition(status.conditions, ConditionType.CONSENSUS_REACHED)
    since = status.deadline if known is not None and known.reason in (Reason.FREEZE_WINDOW, Reason.HELD_UP) else None
    deadline = since or view.after(view.settings.hold_seconds)
    if hold.until > deadline or view.now >= deadline:
        return hand_over(draft, plan, hold.reason, hold.message)
    message = f"not put to the vote before it is over: {hold.message}"
    if since is not None and known is not None and known.message == message[:1024]:
        return draft.done(view.until_deadline())
    reason = _reason(hold.reason)
    draft.condition(ConditionType.CONSENSUS_REACHED, False, reason, message)
    draft.set(phase=Phase.PLANNING, deadline=deadline, message=message[:1024])
    draft.tell(reason, message, warning=True)
    return draft.done(min(60.0, (deadline - view.now).total_seconds()))


def hand_over(draft: Draft, plan: Plan, reason: str, message: str) -> Transition:
    """In a freeze window a plan is a recommendation; what else holds it up for so long is for people to look at."""
    if reason == Reason.FREEZE_WINDOW:
        said = f"{message}; nothing was changed. Recommended: {plan.summary or plan.steps[0].summary}"
        draft.condition(ConditionType.CONSENSUS_REACHED, False, Reason.FREEZE_WINDOW, message)
        return draft.end(Phase.CLOSED, Outcome.RECOMMENDED, Reason.FREEZE_WINDOW, said, resolved=False).done()
    return escalate(draft, Reason.HELD_UP, f"held up for too long: {message}")


def held_too_long(view: View) -> tuple[str, str] | None:
    """Executing: the guard that the executor waits for longer than the plan may be carried out, with its message."""
    status = view.incident.status
    until, certificate = status.execution.waiting_until, status.consensus.certificate
    if until is None or status.deadline is None:
        return None
    last: datetime = min(status.deadline, certificate.expires_at) if certificate is not None else status.deadline
    guard = next((g for g in status.execution.guards if not g.allowed), None)
    return (guard.reason, guard.message) if guard is not None and until > last else None


def _reason(guard: str) -> Reason:
    return Reason.FREEZE_WINDOW if guard == Reason.FREEZE_WINDOW else Reason.HELD_UP
