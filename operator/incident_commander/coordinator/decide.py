"""One decision per reconcile: from a view to a transition. Pure."""

from __future__ import annotations

from incident_commander.api.incident import AlertStatus, CheckResult, Incident, Outcome, Phase, StepOutcome
from incident_commander.api.plan import Verb
from incident_commander.api.reasons import Reason
from incident_commander.api.statement import AlertState, Assessment
from incident_commander.coordinator import acting, diagnosing, voting
from incident_commander.coordinator.transition import Draft, Transition
from incident_commander.coordinator.view import TargetState, View
from incident_commander.verification.observation import WORKLOAD_HEALTHY

BEFORE_ACTING = frozenset({Phase.PENDING, Phase.DIAGNOSING, Phase.PLANNING, Phase.VOTING, Phase.AWAITING_APPROVAL})

_PHASES = {
    Phase.PENDING: diagnosing.begin,
    Phase.DIAGNOSING: diagnosing.diagnose,
    Phase.PLANNING: diagnosing.plan_again,
    Phase.VOTING: voting.count,
    Phase.AWAITING_APPROVAL: voting.await_approval,
    Phase.EXECUTING: acting.follow,
    Phase.VERIFYING: acting.verify,
    Phase.ROLLING_BACK: acting.follow_undo,
}


def decide(view: View) -> Transition:
    """What becomes of the Incident now."""
    phase = view.incident.status.phase
    draft = Draft(view.incident, view.now)
    if acting.undo_wanted(view):
        undo = view.incident.spec.undo
        requester = undo.requester if undo else ""
        return acting.roll_back(view, draft, f"{requester} asked to take it back", Reason.UNDO_REQUESTED)
    if phase is Phase.ESCALATED and acting.nothing_written(view.incident) and _symptom_gone(view):
        message = "the alert is resolved and the workload is healthy, by itself or by people; nothing was done here"
        return draft.end(Phase.CLOSED, Outcome.SELF_HEALED, Reason.SELF_HEALED, message, resolved=True).done()
    if phase.terminal:
        return draft.done()
    if phase is not Phase.PENDING and (ended := _overtaken(view, draft)) is not None:
        return ended
    return _PHASES[phase](view)


def _overtaken(view: View, draft: Draft) -> Transition | None:
    """What makes the present phase pointless: the target is gone, or the symptom is, by itself."""
    phase = view.incident.status.phase
    acted = not acting.nothing_written(view.incident)
    if phase in BEFORE_ACTING and view.target is TargetState.MISSING:
        done = "see the attempts" if acted else "nothing was changed"
        message = f"the target was deleted meanwhile; {done}"
        return draft.end(Phase.CLOSED, Outcome.INCONCLUSIVE, Reason.TARGET_DELETED, message, resolved=False).done()
    if phase in BEFORE_ACTING and view.target is TargetState.REPLACED:
        return acting.target_replaced(view, draft)
    gone = view.target in (TargetState.MISSING, TargetState.REPLACED)
    if phase is Phase.VERIFYING and gone and not _deleted_by_plan(view.incident):
        message = "the target is gone after the change; whether it helped cannot be measured"
        reason = Reason.TARGET_DELETED
        return draft.end(Phase.CLOSED, Outcome.INCONCLUSIVE, reason, message, resolved=False).done()
    if phase in BEFORE_ACTING and not acted and _symptom_gone(view):
        message = "the alert is resolved and the workload is healthy; nothing was done"
        return draft.end(Phase.CLOSED, Outcome.SELF_HEALED, Reason.SELF_HEALED, message, resolved=True).done()
    return None


def _deleted_by_plan(incident: Incident) -> bool:
    """Whether the plan was to delete what is gone now, and measures something else than its health."""
    attempts, plan = incident.status.execution.attempts, incident.status.plan
    if not attempts or plan is None or plan.verification.workload_healthy:
        return False
    return any(step.verb is Verb.DELETE and step.outcome is StepOutcome.APPLIED for step in attempts[-1].steps)


def _symptom_gone(view: View) -> bool:
    """Every alert is resolved (or detection says it is gone) and the workload is measured healthy."""
    alerts = view.incident.spec.alerts
    resolved = bool(alerts) and all(alert.status is AlertStatus.RESOLVED for alert in alerts)
    gone = any(isinstance(s.body, Assessment) and s.body.state is AlertState.GONE for s in view.statements.values())
    if not (resolved or gone) or (view.incident.spec.omitted_alerts and not resolved):
        return False
    checks = view.observation.checks if view.observation else ()
    health = next((c for c in checks if c.name == WORKLOAD_HEALTHY), None)
    if view.incident.spec.target_ref is None:
        return resolved
    return health is not None and health.result is CheckResult.PASS
