"""After a plan that came to nothing: ask for the next one, or hand over to people."""

from __future__ import annotations

from incident_commander.api.conditions import ConditionType
from incident_commander.api.incident import MOST_ROUNDS, Incident, Outcome, Phase, RoundDecision, StepOutcome
from incident_commander.api.plan import ActionName, Plan
from incident_commander.api.reasons import Reason
from incident_commander.consensus.digest import plan_digest
from incident_commander.coordinator.transition import Draft, Transition
from incident_commander.coordinator.view import View
from incident_commander.planning.tried import answered, tried_runbooks


def ask_again(view: View, draft: Draft, reason: Reason, message: str) -> Transition:
    """Back to Planning with a new serial, or to people: when the rounds or attempts are used up, or come next anyway.

    The plan, its certificate and what was measured stay on record until the next plan takes their place.
    """
    status = view.incident.status
    consensus = draft.fields.get("consensus", status.consensus)
    policy = view.policy
    max_rounds = policy.spec.consensus.max_rounds if policy else 3
    max_attempts = policy.spec.limits.max_attempts if policy else 1
    attempts = len(status.execution.attempts)
    outdated = sum(past.decision is RoundDecision.OUTDATED for past in consensus.history)
    rounds = consensus.round - outdated
    if rounds >= max_rounds or attempts >= max_attempts or consensus.round >= MOST_ROUNDS:
        used = f"{rounds} of {max_rounds} rounds and {attempts} of {max_attempts} attempts used"
        if outdated:
            used += f", and {outdated} plans out of date before anybody decided"
        return escalate(draft, reason, f"{message}; {used}")
    tried = tried_runbooks(consensus.history, status.execution.attempts)
    runbook = status.plan.runbook if status.plan else ""
    # The same runbook may come again where its plan is out of date, or met with silence only; else the answer is known.
    again = reason is Reason.PLAN_STALE or (reason is Reason.QUORUM_NOT_REACHED and runbook not in tried)
    proposal, following = view.proposal, None if again else _following(view, tried | {runbook})
    if proposal is not None and following is not None and only_people(following):
        return escalate_as_planned(draft, following, proposal.message, after=message)
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


def escalate_as_planned(draft: Draft, plan: Plan, declined: str, *, after: str = "") -> Transition:
    """Hand over to people because that is what a runbook says. ``declined``: why others were not proposed.

    ``after``: what came before, where it was asked for no other plan.
    """
    incident, draft.actor = draft.incident, "coordinator"
    message = plan.steps[0].summary or plan.summary
    if declined:
        message = f"{message.rstrip('.')}. Not proposed: {declined}"
    if incident.status.consensus.certificate is None:
        # What was carried out stays verifiable: nothing but another plan to carry out takes its place.
        draft.set(plan=plan, action=plan.steps[0].action.value)
    draft.condition(ConditionType.PLANNED, True, Reason.ESCALATION_PLANNED, message)
    return escalate(draft, Reason.ESCALATION_PLANNED, f"{after}. {message}" if after else message)


def only_people(plan: Plan) -> bool:
    """Whether the plan does nothing but hand over to people."""
    return all(step.action is ActionName.ESCALATE for step in plan.steps)


def acceptable(plan: Plan, incident: Incident) -> bool:
    """A plan of this Incident whose digest is right and that was not certified or refused before."""
    status = incident.status
    past = {told.plan_digest for told in answered(status.consensus.history)}
    past |= {attempt.plan_digest for attempt in status.execution.attempts}
    return plan.incident_uid == incident.metadata.uid and plan.digest == plan_digest(plan) and plan.digest not in past


def _following(view: View, tried: set[str]) -> Plan | None:
    """What the standing proposal puts next, after all that was tried. None: that has to be asked.

    A plan that changes something is asked for anew: it is about objects as they were.
    """
    if view.proposal is None or view.incident.status.plan is None:
        return None
    left = (p for p in view.proposal.plans if p.runbook not in tried and acceptable(p, view.incident))
    return next(left, None)
