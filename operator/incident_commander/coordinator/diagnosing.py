"""Phases Pending, Diagnosing and Planning: from the alert to a round with one plan."""

from __future__ import annotations

from incident_commander.api.causes import Cause
from incident_commander.api.conditions import ConditionType
from incident_commander.api.incident import Outcome, Phase
from incident_commander.api.policy import Mode
from incident_commander.api.reasons import Reason
from incident_commander.api.role import Role
from incident_commander.api.statement import Assessment, Diagnosis, Forecast, Proposal
from incident_commander.consensus.suspicion import outside_catalogue
from incident_commander.coordinator.cascading import stop_waiting, wait_for_root
from incident_commander.coordinator.holding import hold_back
from incident_commander.coordinator.retrying import acceptable, escalate, escalate_as_planned, only_people
from incident_commander.coordinator.transition import Draft, Transition
from incident_commander.coordinator.turns import wait_for_turn
from incident_commander.coordinator.view import TargetState, View
from incident_commander.coordinator.voting import open_round


def begin(view: View) -> Transition:
    """Pending → Diagnosing, when it has its turn; the effect of another Incident waits for that one."""
    if view.waits_seconds:
        return wait_for_turn(view)
    if (waits := wait_for_root(view)) is not None:
        return waits
    incident = view.incident
    spec = incident.spec
    names = sorted({alert.name for alert in spec.alerts if alert.name})
    draft = Draft(incident, view.now)
    target = f"{spec.target_ref.kind}/{spec.target_ref.name}" if spec.target_ref is not None else ""
    alert = names[0] + (f" (+{len(names) - 1})" if len(names) > 1 else "") if names else ""
    draft.set(
        phase=Phase.DIAGNOSING,
        started_at=view.now,
        deadline=view.after(view.settings.diagnosis_seconds),
        planning_serial=1,
        target=target[:256],
        alert=alert[:256],
        # As of now, for who looks; the round is opened under the policy that there is then.
        mode=view.mode.value,
        policy=view.policy.metadata.name[:256] if view.policy else "",
        message="gathering evidence",
    )
    stop_waiting(view, draft)
    draft.condition(ConditionType.RESOLVED, False, Reason.RECEIVED, "being worked on")
    count = len(spec.alerts) + spec.omitted_alerts
    draft.tell(Reason.RECEIVED, f"{count} alert(s) about {target or 'no object that could be found'}", event=False)
    return draft.done(requeue_seconds=float(view.settings.diagnosis_seconds))


def diagnose(view: View) -> Transition:
    """Diagnosing: record the diagnosis and the first plan in one write when both are there."""
    draft = Draft(view.incident, view.now)
    assessment = view.said(Role.DETECTION, Assessment)
    diagnosis = view.said(Role.DIAGNOSIS, Diagnosis)
    if diagnosis is None:
        if not view.overdue:
            return draft.done(view.until_deadline())
        message = f"no valid diagnosis within {view.settings.diagnosis_seconds} s{_why(view, Role.DIAGNOSIS)}"
        draft.condition(ConditionType.DIAGNOSED, False, Reason.DIAGNOSIS_TIMED_OUT, message)
        return escalate(draft, Reason.DIAGNOSIS_TIMED_OUT, message)
    best = diagnosis.hypotheses[0] if diagnosis.hypotheses else None
    known = best is not None and best.cause is not Cause.UNKNOWN and best.confidence >= view.settings.min_confidence
    proposal = view.proposal
    if not view.overdue and (not known or proposal is None):
        return draft.done(view.until_deadline())
    forecast = view.said(Role.PREDICTION, Forecast)
    draft.set(
        assessment=assessment,
        hypotheses=diagnosis.hypotheses,
        gaps=diagnosis.gaps,
        forecast=forecast,
        cause=best.cause.value if best else Cause.UNKNOWN.value,
        confidence=best.confidence if best else 0,
    )
    if best is None or not known:
        message = best.summary if best else "no hypothesis"
        draft.condition(ConditionType.DIAGNOSED, None, Reason.CAUSE_UNKNOWN, message)
        return escalate(draft, Reason.CAUSE_UNKNOWN, f"the cause is not known well enough to act: {message}")
    message = f"{best.cause} ({best.confidence}%): {best.summary}"
    draft.condition(ConditionType.DIAGNOSED, True, Reason.DIAGNOSED, message)
    draft.tell(Reason.DIAGNOSED, message)
    return _plan(view, draft, proposal)


def plan_again(view: View) -> Transition:
    """Planning: the next plan after one that was rejected, stale, refused or undone."""
    proposal = view.proposal
    draft = Draft(view.incident, view.now)
    if proposal is None and not view.overdue:
        return draft.done(view.until_deadline())
    return _plan(view, draft, proposal)


def _plan(view: View, draft: Draft, proposal: Proposal | None) -> Transition:
    incident = view.incident
    offence = outside_catalogue(view.proposal_envelope, view.outside, view.agents, view.now)
    if offence is not None:
        draft.quarantines.append((Role.RESOLUTION.value, offence))
        draft.tell(Reason.AGENT_QUARANTINED, offence.message, warning=True)
        return escalate(draft, Reason.AGENT_QUARANTINED, offence.message)
    if proposal is None:
        message = f"no valid proposal within {view.settings.planning_seconds} s{_why(view, Role.RESOLUTION)}"
        draft.condition(ConditionType.PLANNED, False, Reason.PROPOSAL_TIMED_OUT, message)
        return escalate(draft, Reason.PROPOSAL_TIMED_OUT, message)
    plans = [plan for plan in proposal.plans if acceptable(plan, incident)]
    if not plans:
        message = proposal.message or "no runbook fits this cause and target"
        draft.condition(ConditionType.PLANNED, False, Reason.NO_PLAN, message)
        return escalate(draft, Reason.NO_PLAN, message)
    plan = plans[0]
    _tell_declined(draft, proposal.message)
    draft.condition(ConditionType.PLANNED, True, Reason.PLANNED, plan.summary or plan.steps[0].summary)
    if only_people(plan):
        return escalate_as_planned(draft, plan, proposal.message)
    draft.set(plan=plan, action=plan.steps[0].action.value)
    if plan.proposal_only:
        message = f"{plan.proposal_reason}; proposed: {plan.summary}"
        return draft.end(Phase.CLOSED, Outcome.RECOMMENDED, Reason.GITOPS_PROPOSAL, message, resolved=False).done()
    if proposal.hold is not None and view.mode is not Mode.OBSERVE:
        return hold_back(view, draft, plan, proposal.hold)
    draft.tell(Reason.PLANNED, plan.summary or plan.steps[0].summary)
    return open_round(view, draft, plan)


def _tell_declined(draft: Draft, message: str) -> None:
    """Which runbooks were passed over, and which guard or precondition says so: once."""
    said = f"not proposed: {message}"[:1024]
    before = [entry.message for entry in draft.incident.status.timeline if entry.reason == Reason.DECLINED]
    if message and before[-1:] != [said]:
        draft.tell(Reason.DECLINED, said, event=False)


def _why(view: View, role: Role) -> str:
    reasons = [f"{agent}: {message}" for agent, _, message in view.invalid if agent == role.value]
    if reasons:
        return f" ({'; '.join(reasons)})"
    if view.target is TargetState.UNKNOWN:
        return f" (the {role.value} agent was silent)"
    return f" (the {role.value} agent was silent: is it running?)"
