"""Phases Executing, Verifying and RollingBack: follow what the executor records, and measure it."""

from __future__ import annotations

from datetime import datetime, timedelta

from incident_commander.api.conditions import ConditionType
from incident_commander.api.incident import (
    AlertStatus,
    Attempt,
    CheckResult,
    Incident,
    Outcome,
    Phase,
    StepOutcome,
    Verification,
)
from incident_commander.api.plan import ActionName, VerificationPlan
from incident_commander.api.reasons import Reason
from incident_commander.coordinator.holding import hand_over, held_too_long
from incident_commander.coordinator.retrying import ask_again, escalate
from incident_commander.coordinator.transition import Draft, Transition
from incident_commander.coordinator.view import View
from incident_commander.verification.judge import Verdict, judge
from incident_commander.verification.observation import Observation

STALE_REASONS = frozenset({"PlanStale", "ChangedSince"})
"""Refusals of the executor after which a fresh plan may still help."""


def current_attempt(incident: Incident) -> Attempt | None:
    """The attempt of the present round and plan, if the executor has recorded one."""
    consensus = incident.status.consensus
    return next(
        (
            a
            for a in incident.status.execution.attempts
            if a.round == consensus.round and a.plan_digest == consensus.plan_digest
        ),
        None,
    )


def nothing_written(incident: Incident) -> bool:
    """Whether no attempt ever came as far as a write."""
    return not any(attempt.steps for attempt in incident.status.execution.attempts)


def follow(view: View) -> Transition:
    """Executing: what did the executor record?"""
    incident = view.incident
    draft = Draft(incident, view.now, actor="executor")
    attempt = current_attempt(incident)
    if attempt is None or attempt.outcome is StepOutcome.INTENDED:
        held = held_too_long(view) if attempt is None else None
        plan = incident.status.plan
        if held is not None and plan is not None:
            draft.condition(ConditionType.EXECUTED, False, Reason.GUARD_REFUSED, held[1])
            return hand_over(draft, plan, *held)
        if not view.overdue:
            return draft.done(view.until_deadline())
        waiting = next((g for g in incident.status.execution.guards if not g.allowed), None)
        if attempt is not None:
            message = "the executor recorded its intent but no outcome: the change may or may not have been made"
            message += f" ({attempt.reason}: {attempt.message})" if attempt.reason else ""
        elif waiting is not None:
            message = f"still refused by guard {waiting.guard}: {waiting.message}"
        else:
            message = "the executor did not act in time; nothing was changed"
        draft.condition(ConditionType.EXECUTED, False, Reason.EXECUTION_TIMED_OUT, message)
        return escalate(draft, Reason.EXECUTION_TIMED_OUT, message)
    if attempt.outcome is StepOutcome.APPLIED:
        return _applied(view, draft, attempt)
    if attempt.outcome is StepOutcome.NO_OP:
        message = attempt.message or "there was nothing to change"
        draft.condition(ConditionType.EXECUTED, False, Reason.NO_OP, message)
        draft.tell(Reason.NO_OP, message, warning=True)
        return ask_again(view, draft, Reason.NO_OP, message)
    if attempt.outcome is StepOutcome.REFUSED:
        return _refused(view, draft, attempt)
    message = f"{attempt.reason}: {attempt.message}"
    draft.condition(ConditionType.EXECUTED, False, Reason.EXECUTION_FAILED, message)
    draft.tell(Reason.EXECUTION_FAILED, message, warning=True)
    if attempt.reason == "PartlyApplied":
        return roll_back(view, draft, message)
    return ask_again(view, draft, Reason.EXECUTION_FAILED, message)


def _refused(view: View, draft: Draft, attempt: Attempt) -> Transition:
    message = f"{attempt.reason}: {attempt.message}"
    draft.condition(ConditionType.EXECUTED, False, Reason.GUARD_REFUSED, message)
    draft.tell(Reason.GUARD_REFUSED, message, warning=True)
    if attempt.reason == Reason.TARGET_REPLACED:
        return target_replaced(view, draft)
    if attempt.reason == Reason.TARGET_DELETED:
        end = (Phase.CLOSED, Outcome.INCONCLUSIVE, Reason.TARGET_DELETED)
        return draft.end(*end, attempt.message, resolved=False).done()
    if attempt.reason in STALE_REASONS:
        return ask_again(view, draft, Reason.PLAN_STALE, message)
    return escalate(draft, Reason.GUARD_REFUSED, message)


def target_replaced(view: View, draft: Draft) -> Transition:
    """Another object has the target's name now. While an alert fires it may be as sick, and was not looked at."""
    message = "the target was replaced by another object of that name meanwhile; "
    message += "nothing was changed" if nothing_written(view.incident) else "see the attempts"
    if all(alert.status is AlertStatus.RESOLVED for alert in view.incident.spec.alerts):
        return draft.end(Phase.CLOSED, Outcome.INCONCLUSIVE, Reason.TARGET_REPLACED, message, resolved=False).done()
    message += ". Its alert still fires: the new object was not diagnosed, an alert that begins later is about it"
    return draft.end(Phase.ESCALATED, Outcome.ESCALATED, Reason.TARGET_REPLACED, message, resolved=False).done()


def _applied(view: View, draft: Draft, attempt: Attempt) -> Transition:
    started = attempt.finished_at or view.now
    plan = verification_plan(view)
    ends = started + timedelta(seconds=plan.window_seconds)
    draft.set(
        phase=Phase.VERIFYING,
        deadline=ends,
        verification=Verification(attempt_id=attempt.id, started_at=started, deadline=ends),
        message=f"applied: {attempt.message}; measuring for {plan.window_seconds} s"[:1024],
    )
    draft.condition(ConditionType.EXECUTED, True, Reason.APPLIED, attempt.message)
    draft.tell(Reason.APPLIED, attempt.message, event=False)
    status = view.incident.status
    if status.approval is None:
        # The first Event since the alert: it says why, too. Who was asked for approval was told all this before.
        summary = status.plan.summary if status.plan is not None else ""
        draft.announce(Reason.APPLIED, f"{summary} ({status.votes} approve)" if summary else attempt.message)
    return draft.done(min(float(plan.poll_seconds), max(0.1, (ends - view.now).total_seconds())))


def verify(view: View) -> Transition:
    """Verifying: three-valued, at the end of the window; Fail is undone, Inconclusive handed to people."""
    status = view.incident.status
    draft = Draft(view.incident, view.now)
    if status.verification is None or status.verification.started_at is None or status.plan is None:
        return escalate(draft, Reason.VERIFICATION_INCONCLUSIVE, "there is no record of when the change was made")
    verdict = _judge(view, status.verification.started_at)
    if verdict.result is None:
        return draft.done(verdict.again_seconds)
    checks = list(view.observation.checks) if view.observation else []
    draft.set(
        verification=status.verification.model_copy(
            update={"result": verdict.result, "checks": checks[:16], "message": verdict.message[:1024]}
        )
    )
    if verdict.result is CheckResult.PASS:
        draft.condition(ConditionType.VERIFIED, True, Reason.VERIFIED, verdict.message)
        draft.tell(Reason.VERIFIED, verdict.message, event=False)
        return _passed(view, draft, verdict.message)
    if verdict.result is CheckResult.INCONCLUSIVE:
        draft.condition(ConditionType.VERIFIED, None, Reason.VERIFICATION_INCONCLUSIVE, verdict.message)
        message = f"nobody can tell whether it helped: {verdict.message}; the change was left in place"
        return draft.end(
            Phase.ESCALATED, Outcome.INCONCLUSIVE, Reason.VERIFICATION_INCONCLUSIVE, message, resolved=False
        ).done()
    draft.condition(ConditionType.VERIFIED, False, Reason.VERIFICATION_FAILED, verdict.message)
    # What becomes of the undo is posted, within seconds and at the latest when it is given up.
    draft.tell(Reason.VERIFICATION_FAILED, verdict.message, event=False)
    return roll_back(view, draft, f"it did not help: {verdict.message}")


def _judge(view: View, started_at: datetime) -> Verdict:
    return judge(verification_plan(view), view.observation or Observation(()), started_at=started_at, now=view.now)


def _passed(view: View, draft: Draft, message: str) -> Transition:
    plan = view.incident.status.plan
    escalations = [s for s in plan.steps if s.action is ActionName.ESCALATE] if plan else []
    if escalations:
        contained = f"contained, not mended: {escalations[0].summary}"
        return draft.end(Phase.ESCALATED, Outcome.ESCALATED, Reason.ESCALATED, contained, resolved=False).done()
    outcome = Outcome.PREVENTED if view.incident.spec.predicted else Outcome.REMEDIATED
    return draft.end(Phase.RESOLVED, outcome, Reason.REMEDIATED, message, resolved=True).done()


def roll_back(view: View, draft: Draft, message: str, reason: Reason = Reason.ROLLING_BACK) -> Transition:
    """Ask the executor to take the last attempt back."""
    draft.set(
        phase=Phase.ROLLING_BACK,
        outcome=None,
        finished_at=None,
        deadline=view.after(view.settings.undo_seconds),
        message=f"undoing: {message}"[:1024],
    )
    draft.tell(reason, message, warning=True, event=reason is not Reason.ROLLING_BACK)
    return draft.done(float(view.settings.undo_seconds))


def follow_undo(view: View) -> Transition:
    """RollingBack: was it taken back, and does the target show it?"""
    incident = view.incident
    draft = Draft(incident, view.now, actor="executor")
    attempts = incident.status.execution.attempts
    attempt = attempts[-1] if attempts else None
    if attempt is None or attempt.outcome in (StepOutcome.APPLIED, StepOutcome.UNDOING, StepOutcome.FAILED):
        if not view.overdue:
            return draft.done(view.until_deadline())
        message = "the executor did not undo in time; the change may still be there"
        draft.condition(ConditionType.RESOLVED, False, Reason.UNDO_FAILED, message)
        return draft.end(Phase.ESCALATED, Outcome.ESCALATED, Reason.UNDO_FAILED, message, resolved=False).done()
    if attempt.outcome is not StepOutcome.UNDONE:
        why = f"{attempt.reason}: {attempt.message}"
        if _stands_proven(incident):
            # Nothing was taken back: what was true before somebody asked for it is true still.
            message = f"the undo was refused, what was done stands: {why}"
            return _passed(view, draft.tell(Reason.UNDO_FAILED, message, warning=True), message)
        message = f"{why}; take it back by hand"
        return draft.end(Phase.ESCALATED, Outcome.ESCALATED, Reason.UNDO_FAILED, message, resolved=False).done()
    if view.undo_seen is None and not view.overdue:
        return draft.done(2.0)
    seen = {True: CheckResult.PASS, False: CheckResult.FAIL, None: CheckResult.INCONCLUSIVE}[view.undo_seen]
    verification = incident.status.verification or Verification(attempt_id=attempt.id)
    draft.set(verification=verification.model_copy(update={"undo_checked": seen}))
    if seen is not CheckResult.PASS:
        message = f"undone, but the target does not show the old values again ({seen})"
        return draft.end(Phase.ESCALATED, Outcome.ESCALATED, Reason.UNDO_FAILED, message, resolved=False).done()
    draft.tell(Reason.UNDONE, f"{attempt.message}; checked", warning=True)
    undo = incident.spec.undo
    if undo is not None and undo.plan_digest == attempt.plan_digest:
        message = f"undone at the request of {undo.requester}"
        return draft.end(Phase.CLOSED, Outcome.ROLLED_BACK, Reason.UNDONE, message, resolved=False).done()
    return ask_again(view, draft, Reason.VERIFICATION_FAILED, "the plan did not help and was undone")


def _stands_proven(incident: Incident) -> bool:
    """Whether a person asked to take back a change that had proved to help."""
    verification = incident.status.verification
    return incident.spec.undo is not None and verification is not None and verification.result is CheckResult.PASS


def undo_wanted(view: View) -> bool:
    """A person asks to take back a change that stands."""
    undo = view.incident.spec.undo
    attempts = view.incident.status.execution.attempts
    return (
        undo is not None
        and bool(attempts)
        and attempts[-1].outcome is StepOutcome.APPLIED
        and attempts[-1].plan_digest == undo.plan_digest
        and view.incident.status.phase is not Phase.ROLLING_BACK
    )


def verification_plan(view: View) -> VerificationPlan:
    """The plan's verification, as it was certified (the policy's overrides were merged when it was planned)."""
    plan = view.incident.status.plan
    return plan.verification if plan is not None else VerificationPlan()
