"""Phases Pending, Diagnosing and Planning: from the alert to a round with one plan."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from incident_commander.api.agent import Role
from incident_commander.api.causes import Cause
from incident_commander.api.conditions import ConditionType
from incident_commander.api.incident import Incident, Outcome, Phase, RoundDecision
from incident_commander.api.plan import ActionName, Plan
from incident_commander.api.policy import Mode
from incident_commander.api.reasons import Reason
from incident_commander.api.statement import Assessment, Diagnosis, Forecast, Proposal
from incident_commander.consensus.digest import plan_digest
from incident_commander.consensus.suspicion import outside_catalogue
from incident_commander.coordinator.cascading import stop_waiting, wait_for_root
from incident_commander.coordinator.holding import hold_back
from incident_commander.coordinator.retrying import escalate
from incident_commander.coordinator.transition import Draft, Transition
from incident_commander.coordinator.turns import wait_for_turn
from incident_commander.coordinator.view import TargetState, View
from incident_commander.coordinator.voting import open_round

B = TypeVar("B", bound=BaseModel)


def begin(view: View) -> Transition:
    """Pending → Diagnosing, when it has its turn; the effect of another Incident waits for that one."""
    if not view.turn:
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
    assessment = _body(view, Role.DETECTION, Assessment)
    diagnosis = _body(view, Role.DIAGNOSIS, Diagnosis)
    if diagnosis is None:
        if not view.overdue:
            return draft.done(view.until_deadline())
        message = f"no valid diagnosis within {view.settings.diagnosis_seconds} s{_why(view, Role.DIAGNOSIS)}"
        draft.condition(ConditionType.DIAGNOSED, False, Reason.DIAGNOSIS_TIMED_OUT, message)
        return escalate(draft, Reason.DIAGNOSIS_TIMED_OUT, message)
    best = diagnosis.hypotheses[0] if diagnosis.hypotheses else None
    known = best is not None and best.cause is not Cause.UNKNOWN and best.confidence >= view.settings.min_confidence
    proposal = current_proposal(view)
    if not view.overdue and (not known or proposal is None):
        return draft.done(view.until_deadline())
    forecast = _body(view, Role.PREDICTION, Forecast)
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
    proposal = current_proposal(view)
    draft = Draft(view.incident, view.now)
    if proposal is None and not view.overdue:
        return draft.done(view.until_deadline())
    return _plan(view, draft, proposal)


def current_proposal(view: View) -> Proposal | None:
    """Resolution's answer to the present request for plans."""
    proposal = _body(view, Role.RESOLUTION, Proposal)
    if proposal is None or proposal.serial != view.incident.status.planning_serial:
        return None
    return proposal


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
    plans = [plan for plan in proposal.plans if _acceptable(plan, incident)]
    if not plans:
        message = proposal.message or "no runbook fits this cause and target"
        draft.condition(ConditionType.PLANNED, False, Reason.NO_PLAN, message)
        return escalate(draft, Reason.NO_PLAN, message)
    plan = plans[0]
    _tell_declined(draft, proposal.message)
    draft.condition(ConditionType.PLANNED, True, Reason.PLANNED, plan.summary or plan.steps[0].summary)
    hands_over = all(step.action is ActionName.ESCALATE for step in plan.steps)
    if not hands_over or incident.status.consensus.certificate is None:
        # What was carried out stays verifiable: nothing but another plan to carry out takes its place.
        draft.set(plan=plan, action=plan.steps[0].action.value)
    if hands_over:
        message = plan.steps[0].summary or plan.summary
        if proposal.message:
            message = f"{message.rstrip('.')}. Not proposed: {proposal.message}"
        draft.condition(ConditionType.PLANNED, True, Reason.ESCALATION_PLANNED, message)
        return escalate(draft, Reason.ESCALATION_PLANNED, message)
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


def _acceptable(plan: Plan, incident: Incident) -> bool:
    """A plan of this Incident whose digest is right and that was not certified or refused before."""
    past = {r.plan_digest for r in incident.status.consensus.history if r.decision is not RoundDecision.STALE} | {
        a.plan_digest for a in incident.status.execution.attempts
    }
    return plan.incident_uid == incident.metadata.uid and plan.digest == plan_digest(plan) and plan.digest not in past


def _body(view: View, role: Role, type_: type[B]) -> B | None:
    """The verified statement of the agent with that role, the latest when several share it."""
    found = [s for s in view.statements.values() if s.role == role.value and isinstance(s.body, type_)]
    if not found:
        return None
    body = max(found, key=lambda s: s.issued_at).body
    return body if isinstance(body, type_) else None


def _why(view: View, role: Role) -> str:
    reasons = [f"{agent}: {message}" for agent, _, message in view.invalid if agent == role.value]
    if reasons:
        return f" ({'; '.join(reasons)})"
    if view.target is TargetState.UNKNOWN:
        return f" (the {role.value} agent was silent)"
    return f" (the {role.value} agent was silent: is it running?)"
