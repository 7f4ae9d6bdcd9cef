"""The executor: the only identity that writes to workloads, and only what a certificate proves.

Level-triggered and stateless. An intent is stored before the first write and the outcome after the last,
so that a crash at any point resumes without acting twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from incident_commander.actions.ownership import OwnershipKind, ownership_of
from incident_commander.api.conditions import ConditionType, find_condition
from incident_commander.api.incident import Attempt, GuardResult, Incident, Phase, StepOutcome
from incident_commander.api.plan import ActionName, Plan, Step, Verb
from incident_commander.api.reasons import Reason
from incident_commander.errors import Conflict, Refusal
from incident_commander.executor import breaker, gather, journal, record
from incident_commander.executor.check import Cleared, Denied, HeldUp, clear, prove
from incident_commander.executor.undo import note_undone, take_back
from incident_commander.executor.write import already_written, write
from incident_commander.ports import Clock, Cluster, Object, Telemetry, Uncounted
from incident_commander.surroundings import read_breaker, read_history

_log = structlog.get_logger(__name__)

WRITE_TRIES = 5
"""How often a write is tried anew when its target changes in between; each time all is checked again."""


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """Where the operator lives, what is never done, and when the breaker trips."""

    operator_namespace: str = "incident-commander"
    disabled_actions: frozenset[ActionName] = frozenset()
    breaker: breaker.BreakerRule = field(default_factory=breaker.BreakerRule)


class Executor:
    """Reconciles one Incident; ``_gate`` makes check and write one step against all other Incidents.

    So locks, budgets and concurrency limits are exact. There is one executor (Lease, or one replica).
    """

    def __init__(
        self,
        *,
        cluster: Cluster,
        clock: Clock,
        settings: ExecutorSettings | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._telemetry: Telemetry = telemetry or Uncounted()
        self._cluster = cluster
        self._clock = clock
        self._settings = settings or ExecutorSettings()
        self._gate = asyncio.Lock()

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """Do what the Incident's phase asks for; answers in how many seconds to look again.

        Raises ``ClusterError`` when the API server does not answer usefully; the caller retries.
        """
        incident = await gather.read_incident(self._cluster, namespace, name)
        if incident is None:
            return None
        phase = incident.status.phase
        if phase is Phase.EXECUTING:
            async with self._gate:
                return await self._execute(incident)
        if phase is Phase.ROLLING_BACK or (phase.terminal and _abandoned(incident)):
            for step in await take_back(self._cluster, self._clock, incident):
                self._telemetry.step_finished(step.action.value, step.outcome.value)
            await self._trip_if_needed()
        elif phase.terminal and _undo_given_up(incident):
            await note_undone(self._cluster, self._clock, incident)
        return None

    async def _execute(self, incident: Incident) -> float | None:
        attempt = record.attempt_of(incident)
        if attempt is not None and attempt.outcome is not StepOutcome.INTENDED:
            return None
        try:
            plan = await prove(self._cluster, incident, self._clock.now())
            if attempt is not None:
                return await self._carry_out(incident, plan, attempt, resumed=True)
            guards: Sequence[GuardResult] = ()
            for step in plan.steps:
                guards = (await self._clear(incident, plan, step)).guards
        except HeldUp as held:
            return await self._wait(incident, held)
        except Denied as denied:
            return await self._refuse(incident, denied, denied.guards)
        except Refusal as refusal:
            return await self._refuse(incident, refusal, ())
        attempt = record.new_attempt(incident, plan, self._clock.now())
        execution = record.with_attempt(incident.status.execution, attempt)
        try:
            stored = await journal.store(
                self._cluster, incident, execution.model_copy(update={"guards": list(guards)[:32]})
            )
        except Conflict:
            return 0.0
        return await self._carry_out(stored, plan, attempt, resumed=False)

    async def _carry_out(self, incident: Incident, plan: Plan, attempt: Attempt, *, resumed: bool) -> float | None:
        """Write every step that is not written yet, re-checked each time, then store the outcome.

        An eviction that has to wait for pods that moved before is asked for again later: answers in how many seconds.
        """
        before = attempt
        for index, step in enumerate(plan.steps):
            if attempt.steps[index].outcome is not StepOutcome.INTENDED:
                continue
            values = await self._step(incident, plan, step, resumed=resumed)
            if record.worth_waiting(attempt, step, values, self._clock.now()):
                if attempt != before or attempt.reason != values["reason"]:
                    attempt = record.waiting(attempt, step, values, self._clock.now())
                    execution = record.with_attempt(incident.status.execution, attempt)
                    await journal.store_outcome(self._cluster, incident, execution)
                return record.EVICTION_PAUSE
            attempt = record.with_step(attempt, index, finished_at=self._clock.now(), **values)
            done = attempt.steps[index]
            _log.info(
                done.message,
                incident=incident.key,
                step=done.name,
                action=done.action.value,
                outcome=done.outcome.value,
            )
            if attempt.steps[index].outcome not in (StepOutcome.APPLIED, StepOutcome.NO_OP):
                break
        for done in attempt.steps:
            self._telemetry.step_finished(done.action.value, done.outcome.value)
        attempt = record.conclude(attempt, self._clock.now())
        execution = record.with_attempt(incident.status.execution, attempt)
        await journal.store_outcome(self._cluster, incident, execution)
        return None

    async def _step(self, incident: Incident, plan: Plan, step: Step, *, resumed: bool) -> dict[str, object]:
        """One step; answers the record's new fields."""
        if step.verb is Verb.NONE:
            return {"outcome": StepOutcome.APPLIED, "reason": "Escalated"}
        applied = {"outcome": StepOutcome.APPLIED, "reason": "Applied"}
        for _ in range(WRITE_TRIES):
            done = await already_written(self._cluster, step)
            if done is not None:
                return {**applied, "result_generation": done.generation}
            try:
                cleared = await self._clear(incident, plan, step)
                result = await write(self._cluster, cleared.step, cleared.target, dry_run=False)
            except Conflict:
                continue
            except HeldUp as held:
                return {"outcome": StepOutcome.REFUSED, "reason": "GuardRefused", "message": str(held)}
            except Refusal as refusal:
                if resumed and refusal.reason == "PlanStale":
                    message = f"after a restart: whether the change was made cannot be told, because {refusal}"
                    return {"outcome": StepOutcome.FAILED, "reason": "UnsureAfterRestart", "message": message[:1024]}
                return {"outcome": record.refused(refusal), "reason": refusal.reason, "message": str(refusal)[:1024]}
            return {
                **applied,
                "message": step.summary + drift_of(cleared.target),
                "result_generation": result.generation,
                "observed_resource_version": cleared.target["metadata"].get("resourceVersion", ""),
            }
        message = f"{step.target} changed {WRITE_TRIES} times while it was to be written"
        return {"outcome": StepOutcome.REFUSED, "reason": "TargetBusy", "message": message}

    async def _clear(self, incident: Incident, plan: Plan, step: Step) -> Cleared:
        home, disabled = self._settings.operator_namespace, self._settings.disabled_actions
        return await clear(self._cluster, self._clock, incident, plan, step, home, disabled)

    async def _wait(self, incident: Incident, held: HeldUp) -> float | None:
        """Record once what holds it up, and come back."""
        execution = incident.status.execution
        if execution.waiting_until != held.until:
            execution = execution.model_copy(update={"waiting_until": held.until, "guards": held.guards[:32]})
            try:
                await journal.store(self._cluster, incident, execution)
            except Conflict:
                return 0.2
            self._count_denials(held.guards, "Waiting")
        return max(1.0, (held.until - self._clock.now()).total_seconds())

    async def _refuse(self, incident: Incident, refusal: Refusal, guards: Sequence[GuardResult]) -> float | None:
        """Record that nothing was done, and why."""
        now = self._clock.now()
        _log.warning(str(refusal), incident=incident.key, step="check", reason=refusal.reason)
        self._count_denials(guards, "Refused")
        consensus, plan = incident.status.consensus, incident.status.plan
        attempt = record.attempt_of(incident) or record.refused_attempt(incident, now)
        attempt = record.finish(attempt, record.refused(refusal), refusal.reason, str(refusal), now)
        if consensus.round == 0 or plan is None:
            return None
        execution = record.with_attempt(incident.status.execution, attempt)
        if guards:
            execution = execution.model_copy(update={"guards": list(guards)[:32]})
        try:
            await journal.store(self._cluster, incident, execution)
        except Conflict:
            return 0.2
        return None

    def _count_denials(self, guards: Sequence[GuardResult], effect: str) -> None:
        for guard in guards:
            if not guard.allowed:
                self._telemetry.guard_refused(guard.guard, guard.reason, effect)

    async def _trip_if_needed(self) -> None:
        namespace, now = self._settings.operator_namespace, self._clock.now()
        state, reset_at = await read_breaker(self._cluster, namespace)
        if state.tripped:
            return
        history = await read_history(self._cluster)
        why = breaker.should_trip(history, now=now, reset_at=reset_at, rule=self._settings.breaker)
        if why is not None:
            await breaker.trip(self._cluster, namespace, why, now)


def drift_of(target: Object) -> str:
    """What to record when the target was installed by Helm: the next upgrade may revert the change."""
    owner = ownership_of(target)
    if owner.kind is not OwnershipKind.HELM:
        return ""
    return f" (drift from {owner}: put it into the chart's values, or the next upgrade may revert it)"


def _abandoned(incident: Incident) -> bool:
    """An attempt was under way when the coordinator gave up: nobody measures it, so it is taken back."""
    attempts = incident.status.execution.attempts
    return bool(attempts) and attempts[-1].outcome in (StepOutcome.INTENDED, StepOutcome.UNDOING)


def _undo_given_up(incident: Incident) -> bool:
    """The coordinator asked for an undo and was answered nothing in time."""
    attempts = incident.status.execution.attempts
    resolved = find_condition(incident.status.conditions, ConditionType.RESOLVED)
    given_up = resolved is not None and resolved.reason == Reason.UNDO_FAILED
    return given_up and bool(attempts) and attempts[-1].outcome is StepOutcome.APPLIED
