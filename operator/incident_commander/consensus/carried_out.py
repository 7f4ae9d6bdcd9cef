"""Whether what the executor recorded is what a certificate allowed, and what the status says of it. Pure.

Outcomes are signed by nobody: what can be told of them is whether they contradict one another.
"""

from __future__ import annotations

from collections.abc import Iterator

from incident_commander.api.incident import (
    MOST_ATTEMPTS,
    Attempt,
    Certificate,
    CheckResult,
    Incident,
    Outcome,
    Phase,
    StepOutcome,
    StepRecord,
    attempt_id,
)
from incident_commander.api.plan import Plan, Step, Verb

_NOTHING_BEGUN = frozenset({StepOutcome.REFUSED, StepOutcome.NO_OP})
_APPLIED = frozenset({StepOutcome.APPLIED, StepOutcome.NO_OP})
_TAKEN_BACK = frozenset({StepOutcome.UNDONE, StepOutcome.NO_OP, StepOutcome.REFUSED})


def contradictions(certificate: Certificate, plan: Plan, incident: Incident) -> Iterator[str]:
    """What cannot be so, in words, given the certified plan. Nothing: the record may be true."""
    attempts = incident.status.execution.attempts
    if len({attempt.id for attempt in attempts}) < len(attempts):
        yield f"two attempts are called {_twice(attempts)}"
    for attempt in attempts:
        yield from _of_its_round(attempt, certificate, incident)
        if of_certificate(attempt, certificate):
            yield from _steps(attempt, plan)
        yield from _outcome(attempt)
    yield from _claims(certificate, incident)


def of_certificate(attempt: Attempt, certificate: Certificate) -> bool:
    """Whether the plan of this attempt is the certified one; the plans of earlier rounds are on record no more."""
    return (attempt.round, attempt.plan_digest) == (certificate.round, certificate.plan_digest)


def _twice(attempts: list[Attempt]) -> str:
    ids = [attempt.id for attempt in attempts]
    return next(one for one in ids if ids.count(one) > 1)


def _of_its_round(attempt: Attempt, certificate: Certificate, incident: Incident) -> Iterator[str]:
    who = f"attempt {attempt.id} is of round {attempt.round}"
    ended = next((past for past in incident.status.consensus.history if past.round == attempt.round), None)
    if attempt.round > certificate.round:
        yield f"{who}, and the last that was certified is {certificate.round}"
    elif attempt.round == certificate.round and attempt.plan_digest != certificate.plan_digest:
        yield f"{who} and names plan {attempt.plan_digest}, certified is {certificate.plan_digest}"
    elif ended is not None:
        yield f"{who}, which ended as {ended.decision}"
    elif attempt.id != (name := attempt_id(attempt.round, attempt.plan_digest)):
        yield f"an attempt is called {attempt.id}, by its round and plan it is {name}"


def _steps(attempt: Attempt, plan: Plan) -> Iterator[str]:
    if not attempt.steps and attempt.outcome in _NOTHING_BEGUN:
        return
    if len(attempt.steps) != len(plan.steps):
        many = f"{len(attempt.steps)} steps, the plan {len(plan.steps)}"
        none = f"no steps, and its outcome is {attempt.outcome}"
        yield f"attempt {attempt.id} has {many if attempt.steps else none}"
        return
    for step, record in zip(plan.steps, attempt.steps, strict=True):
        for name, planned, recorded in _compared(step, record):
            if planned != recorded:
                yield f"{name} of step {record.name!r} in attempt {attempt.id} differs from the plan's"


def _compared(step: Step, record: StepRecord) -> Iterator[tuple[str, object, object]]:
    for name in ("name", "action", "target", "verb", "subresource", "operations"):
        yield name, getattr(step, name), getattr(record, name)
    yield "preImage", step.pre_image, record.pre_image
    yield "undoOperations", step.undo.operations, record.undo_operations
    yield "undoPossible", step.undo.possible, record.undo_possible


def _outcome(attempt: Attempt) -> Iterator[str]:
    allowed = {StepOutcome.APPLIED: _APPLIED, StepOutcome.UNDONE: _TAKEN_BACK}.get(attempt.outcome)
    for step in attempt.steps if allowed is not None else ():
        left_alone = attempt.outcome is StepOutcome.UNDONE and step.verb is Verb.NONE
        if allowed is not None and step.outcome not in allowed and not left_alone:
            yield f"attempt {attempt.id} reads {attempt.outcome}, and its step {step.name!r} reads {step.outcome}"


def _claims(certificate: Certificate, incident: Incident) -> Iterator[str]:
    status, attempts = incident.status, incident.status.execution.attempts
    applied = any(a.outcome is StepOutcome.APPLIED and of_certificate(a, certificate) for a in attempts)
    if status.outcome in (Outcome.REMEDIATED, Outcome.PREVENTED):
        result = status.verification.result if status.verification is not None else None
        if not applied:
            yield f"the outcome is {status.outcome}, and no attempt of the certified plan was applied"
        if result is not CheckResult.PASS:
            yield f"the outcome is {status.outcome}, and what was measured reads {result or 'nothing'}"
    if status.phase is Phase.VERIFYING and not applied:
        yield "the phase is Verifying, and no attempt of the certified plan was applied"
    if status.phase is Phase.ROLLING_BACK and not attempts:
        yield "the phase is RollingBack, and there is no attempt"
    if len(attempts) >= MOST_ATTEMPTS:
        return  # earlier ones may be missing rightly
    if status.outcome is Outcome.ROLLED_BACK and not any(a.outcome is StepOutcome.UNDONE for a in attempts):
        yield "the outcome is RolledBack, and no attempt was undone"
    measured = status.verification.attempt_id if status.verification is not None else ""
    if measured and measured not in {attempt.id for attempt in attempts}:
        yield f"status.verification is about attempt {measured}, which is not there"
