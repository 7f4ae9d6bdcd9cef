"""Take an attempt back from its recorded pre-image: last step first, only what still is ours."""

from __future__ import annotations

import structlog

from incident_commander.actions.send import look, send
from incident_commander.actions.write import is_undone, shows, to_undo
from incident_commander.api.incident import Attempt, Incident, StepOutcome, StepRecord
from incident_commander.api.names import FIELD_MANAGER_EXECUTOR
from incident_commander.api.plan import Verb
from incident_commander.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound, Refusal
from incident_commander.executor import journal, record
from incident_commander.ports import Clock, Cluster

_log = structlog.get_logger(__name__)

UNDO_TRIES = 5


async def take_back(cluster: Cluster, clock: Clock, incident: Incident) -> list[StepRecord]:
    """Undo the last attempt of the Incident, if it stands, record what became of each step, and answer those.

    Phase RollingBack and the pre-image are the stored intent. Where more than one step is taken back it is recorded
    as begun, so that half of it is never left. The deny list needs no second look: nothing on it could have been
    written. Raises ``ClusterError`` when the API server does not answer usefully; what was done until then is found
    again by reading.
    """
    attempts = incident.status.execution.attempts
    if not attempts or not stands(attempts[-1]):
        return []
    attempt = attempts[-1]
    if attempt.outcome is not StepOutcome.UNDOING and len(_written(attempt)) > 1:
        attempt = attempt.model_copy(update={"outcome": StepOutcome.UNDOING})
        try:
            incident = await journal.store(cluster, incident, record.with_attempt(incident.status.execution, attempt))
        except Conflict:
            return []
    taken_back = []
    for index in reversed(_written(attempt)):
        step = attempt.steps[index]
        outcome, reason, message = await _undo_step(cluster, step)
        _log.info(message, incident=incident.key, step=step.name, outcome=outcome.value, reason=reason)
        attempt = record.with_step(
            attempt, index, outcome=outcome, reason=reason, message=message[:1024], finished_at=clock.now()
        )
        taken_back.append(attempt.steps[index])
    attempt = _conclude(attempt, clock)
    await journal.store_outcome(cluster, incident, record.with_attempt(incident.status.execution, attempt))
    return taken_back


async def note_undone(cluster: Cluster, clock: Clock, incident: Incident) -> None:
    """Record an undo that was asked for and made, and whose record was lost until everybody had given it up.

    Nothing is written to the target: what people found there since is theirs to decide about.
    """
    attempt = incident.status.execution.attempts[-1]
    for index in _written(attempt):
        step = attempt.steps[index]
        try:
            told = is_undone(step, await look(cluster, shows(step)))
        except Refusal:
            return
        if told is None:
            return
        reason, message = told
        attempt = record.with_step(
            attempt, index, outcome=StepOutcome.UNDONE, reason=reason, message=message[:1024], finished_at=clock.now()
        )
    await journal.store_outcome(
        cluster, incident, record.with_attempt(incident.status.execution, _conclude(attempt, clock))
    )


def stands(attempt: Attempt) -> bool:
    """Whether something of the attempt may have been written and was not taken back."""
    if attempt.outcome in (StepOutcome.APPLIED, StepOutcome.UNDOING, StepOutcome.INTENDED):
        return True
    return attempt.outcome is StepOutcome.FAILED and any(s.outcome is StepOutcome.APPLIED for s in attempt.steps)


def _written(attempt: Attempt) -> list[int]:
    """The steps, by place, that may have been written and were not taken back."""
    over = (StepOutcome.UNDONE, StepOutcome.NO_OP, StepOutcome.REFUSED)
    return [n for n, step in enumerate(attempt.steps) if step.outcome not in over and step.verb is not Verb.NONE]


def _conclude(attempt: Attempt, clock: Clock) -> Attempt:
    failed = [s for s in attempt.steps if s.outcome is StepOutcome.UNDO_FAILED]
    if failed:
        message = "; ".join(f"{s.target}: {s.message}" for s in failed)
        return record.finish(attempt, StepOutcome.UNDO_FAILED, failed[0].reason, message, clock.now())
    undone = [s for s in attempt.steps if s.outcome is StepOutcome.UNDONE]
    message = "; ".join(f"{s.target}: {s.message}" for s in undone) or "there was nothing to take back"
    return record.finish(attempt, StepOutcome.UNDONE, "Undone", message, clock.now())


async def _undo_step(cluster: Cluster, step: StepRecord) -> tuple[StepOutcome, str, str]:
    try:
        at = shows(step)
        for _ in range(UNDO_TRIES):
            found = await look(cluster, at)
            if (told := is_undone(step, found)) is not None:
                return StepOutcome.UNDONE, *told
            try:
                await send(cluster, to_undo(step, found), dry_run=False, field_manager=FIELD_MANAGER_EXECUTOR)
            except (Conflict, NotFound, AlreadyExists):
                continue
    except Refusal as refusal:
        return StepOutcome.UNDO_FAILED, refusal.reason, str(refusal)
    except (Invalid, Forbidden) as error:
        return StepOutcome.UNDO_FAILED, error.reason, str(error)
    return StepOutcome.UNDO_FAILED, "TargetBusy", f"it changed {UNDO_TRIES} times while it was to be undone"
