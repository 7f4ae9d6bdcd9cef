"""The executor's records in ``status.execution``: attempts and steps, changed by copying. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from incident_commander.api.incident import (
    MOST_ATTEMPTS,
    Attempt,
    Execution,
    Incident,
    StepOutcome,
    StepRecord,
    attempt_id,
)
from incident_commander.api.meta import format_time
from incident_commander.api.plan import Plan, Step, Verb
from incident_commander.errors import Refusal

EVICTION_PAUSE = 10.0
"""Seconds until an eviction that was refused is asked for again, as ``kubectl drain`` does."""
EVICTION_PATIENCE = timedelta(minutes=5)
"""How long a drain waits for its pods to be ready elsewhere; then it is taken back. An execution may take longer."""
_WAITED_FOR = frozenset({"DisruptionBudgetSpent", "DisruptionBudgetsUnknown", "BelowHealthyFloor"})


def new_attempt(incident: Incident, plan: Plan, now: datetime) -> Attempt:
    """An attempt with the intent of every step, to be stored before the first write."""
    round_ = incident.status.consensus.round
    return Attempt(
        id=attempt_id(round_, plan.digest),
        round=round_,
        plan_digest=plan.digest,
        runbook=plan.runbook,
        started_at=now,
        outcome=StepOutcome.INTENDED,
        steps=[_intended(step, now) for step in plan.steps],
        fingerprints=sorted({alert.fingerprint for alert in incident.spec.alerts})[:50],
    )


def _intended(step: Step, now: datetime) -> StepRecord:
    return StepRecord(
        name=step.name,
        action=step.action,
        target=step.target,
        verb=step.verb,
        subresource=step.subresource,
        operations=step.operations,
        pre_image=step.pre_image,
        undo_operations=step.undo.operations,
        undo_possible=step.undo.possible,
        outcome=StepOutcome.INTENDED,
        message=step.summary,
        intended_at=now,
    )


def with_attempt(execution: Execution, attempt: Attempt) -> Execution:
    """The record with that attempt added, or replaced by id. At the bound the oldest is dropped."""
    if any(a.id == attempt.id for a in execution.attempts):
        attempts = [attempt if a.id == attempt.id else a for a in execution.attempts]
    else:
        attempts = [*execution.attempts, attempt][-MOST_ATTEMPTS:]
    return execution.model_copy(update={"attempts": attempts, "waiting_until": None})


def with_step(attempt: Attempt, index: int, **values: object) -> Attempt:
    """The attempt with fields of one step replaced."""
    steps = [s.model_copy(update=values) if n == index else s for n, s in enumerate(attempt.steps)]
    return attempt.model_copy(update={"steps": steps})


def worth_waiting(attempt: Attempt, step: Step, values: Mapping[str, object], now: datetime) -> bool:
    """Whether an eviction was refused for what our own evictions of the same attempt did, which passes."""
    refused_for_now = values.get("outcome") is StepOutcome.REFUSED and values.get("reason") in _WAITED_FOR
    begun = any(s.outcome is StepOutcome.APPLIED for s in attempt.steps)
    return step.verb is Verb.EVICT and refused_for_now and begun and now < attempt.started_at + EVICTION_PATIENCE


def waiting(attempt: Attempt, step: Step, values: Mapping[str, object], now: datetime) -> Attempt:
    """The attempt with what its next eviction waits for. ``finish`` replaces it; the time tells how long already."""
    message = f"waiting since {format_time(now)} for {step.target}: {values['message']}"
    return attempt.model_copy(update={"reason": str(values["reason"])[:256], "message": message[:1024]})


def finish(attempt: Attempt, outcome: StepOutcome, reason: str, message: str, now: datetime) -> Attempt:
    """The attempt with its outcome."""
    return attempt.model_copy(
        update={"outcome": outcome, "reason": reason[:256], "message": message[:1024], "finished_at": now}
    )


def attempt_of(incident: Incident) -> Attempt | None:
    """The attempt that belongs to the present round and plan."""
    consensus = incident.status.consensus
    return next(
        (
            a
            for a in incident.status.execution.attempts
            if a.round == consensus.round and a.plan_digest == consensus.plan_digest
        ),
        None,
    )


def without(incident: Incident, attempt: Attempt | None) -> Incident:
    """The Incident as if that attempt had not been recorded yet."""
    if attempt is None:
        return incident
    execution = incident.status.execution
    kept = execution.model_copy(update={"attempts": [a for a in execution.attempts if a.id != attempt.id]})
    return incident.model_copy(update={"status": incident.status.model_copy(update={"execution": kept})})


def refused(refusal: Refusal) -> StepOutcome:
    """Nothing to change is a recorded result of its own; everything else was refused."""
    return StepOutcome.NO_OP if refusal.reason == "NothingToChange" else StepOutcome.REFUSED


def refused_attempt(incident: Incident, now: datetime) -> Attempt:
    """An attempt that never got as far as an intent. The plan may be unreadable, so it holds no steps."""
    consensus, plan = incident.status.consensus, incident.status.plan
    return Attempt(
        id=attempt_id(consensus.round, consensus.plan_digest),
        round=consensus.round,
        plan_digest=consensus.plan_digest,
        runbook=plan.runbook if plan is not None else "",
        started_at=now,
        outcome=StepOutcome.REFUSED,
        fingerprints=sorted({alert.fingerprint for alert in incident.spec.alerts})[:50],
    )


def conclude(attempt: Attempt, now: datetime) -> Attempt:
    """The attempt's outcome from its steps'. Half done is Failed: the coordinator then asks for the undo."""
    outcomes = [step.outcome for step in attempt.steps]
    bad = next((s for s in attempt.steps if s.outcome not in (StepOutcome.APPLIED, StepOutcome.NO_OP)), None)
    written = [s for s in attempt.steps if s.outcome is StepOutcome.APPLIED and s.verb is not Verb.NONE]
    message = "; ".join(s.message for s in attempt.steps if s.message)
    if bad is None:
        outcome = StepOutcome.APPLIED if StepOutcome.APPLIED in outcomes else StepOutcome.NO_OP
        return finish(attempt, outcome, outcome.value, message, now)
    if written:
        return finish(attempt, StepOutcome.FAILED, "PartlyApplied", f"{bad.name}: {bad.message}", now)
    outcome = StepOutcome.FAILED if bad.outcome is StepOutcome.INTENDED else bad.outcome
    return finish(attempt, outcome, bad.reason, bad.message, now)
