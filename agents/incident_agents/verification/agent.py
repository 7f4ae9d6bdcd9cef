"""Verification as an agent: tries each step without writing it, and its instruments."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime

from incident_agents.agent import Ballot, Case
from incident_agents.refusals import RulebookReader
from incident_agents.verification.vote import DryRun, Instruments, Tried, vote
from incident_commander.actions.send import look, send
from incident_commander.actions.write import address, to_do
from incident_commander.api.incident import AlertStatus, Incident, Phase
from incident_commander.api.meta import TargetRef
from incident_commander.api.names import OPERATOR_NAMESPACE, agent_field_manager
from incident_commander.api.plan import ActionName, Plan, Step, Verb
from incident_commander.api.role import Role
from incident_commander.api.statement import Body
from incident_commander.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    DisruptionRefused,
    Forbidden,
    Invalid,
    MetricsUnavailable,
    NotFound,
    Refusal,
)
from incident_commander.evidence import queries
from incident_commander.evidence.health import workload_health
from incident_commander.evidence.owners import Objects
from incident_commander.evidence.scope import polling
from incident_commander.ports import Cluster, Metrics, Object

_TRIES = 3
"""The status of a sick workload changes all the time, and with it the resourceVersion that a patch is bound to."""
_FIELD_MANAGER = agent_field_manager(Role.VERIFICATION.value)


class VerificationAgent:
    """``metrics`` None: there is no Prometheus. Writes nothing: an admission policy holds it to dry-runs."""

    role = Role.VERIFICATION
    speaks_in: frozenset[Phase] = frozenset()

    def __init__(
        self,
        cluster: Cluster,
        metrics: Metrics | None,
        *,
        operator_namespace: str = OPERATOR_NAMESPACE,
        disabled_actions: Collection[ActionName] = (),
    ) -> None:
        self._cluster = cluster
        self._metrics = metrics
        self._rules = RulebookReader(cluster, operator_namespace, disabled_actions)

    async def speak(self, case: Case) -> Body | None:
        """Nothing before there is a plan."""
        return None

    async def vote(self, case: Case, plan: Plan) -> Ballot:
        """Does a trial run pass, can it be undone, can it be measured? With the Measurement.

        A trial run is what the executor would do: its guards, then the API server's own dry-run.
        """
        tries, instruments, book = await asyncio.gather(
            asyncio.gather(*(self._try(step) for step in plan.steps)),
            self._instruments(case.incident, plan, case.now),
            self._rules.read(case.incident, (step.target for step in plan.steps), case.now),
        )
        return vote(plan, tries, instruments, book.certain(plan))

    async def _try(self, step: Step) -> DryRun:
        if step.verb is Verb.NONE:
            return DryRun(step.name, Tried.PASSED, "nothing is written")
        problem = ""
        for _ in range(_TRIES):
            try:
                await self._ask(step)
            except (Refusal, NotFound) as error:
                return DryRun(step.name, Tried.CHANGED, str(error))
            except Conflict as error:
                problem = str(error)
                continue
            except (Invalid, AlreadyExists, DisruptionRefused) as error:
                return DryRun(step.name, Tried.REFUSED, str(error))
            except Forbidden as error:
                # RBAC that forbids us to try says nothing about the executor; an admission policy's no does.
                tried = Tried.REFUSED if "denied" in str(error) else Tried.UNKNOWN
                return DryRun(step.name, tried, str(error))
            except ClusterError as error:
                return DryRun(step.name, Tried.UNKNOWN, str(error))
            return DryRun(step.name, Tried.PASSED)
        return DryRun(step.name, Tried.UNKNOWN, f"the object changed at each of {_TRIES} tries: {problem}")

    async def _ask(self, step: Step) -> None:
        current = await look(self._cluster, address(step.target))
        if current is None:
            raise NotFound(f"{step.target} does not exist")
        await send(self._cluster, to_do(step, current), dry_run=True, field_manager=_FIELD_MANAGER)

    async def _instruments(self, incident: Incident, plan: Plan, now: datetime) -> Instruments:
        wanted, target = plan.verification, incident.spec.target_ref
        health, alerts, checks = await asyncio.gather(
            self._health(target) if wanted.workload_healthy and target is not None else _not_asked(),
            self._alerts(incident, now) if wanted.alert_resolved and incident.spec.alerts else _not_asked(),
            self._queries(plan, now) if wanted.promql else _not_asked(),
        )
        problem, doubt = checks if checks is not None else (None, "")
        return Instruments(health, alerts, problem, doubt)

    async def _health(self, target: TargetRef) -> str:
        """Empty when the workload's health can be read: healthy or not, but not unknown."""
        objects: dict[str, list[Object]] = {}
        try:
            for kind in polling(target).kinds:
                objects[kind.resource] = await self._cluster.list(kind, target.namespace)
        except ClusterError as error:
            return str(error)
        return _judged(target, objects)

    async def _alerts(self, incident: Incident, now: datetime) -> str:
        """Empty when somebody can tell whether the alert still fires."""
        if all(alert.status is AlertStatus.RESOLVED for alert in incident.spec.alerts):
            return ""
        if self._metrics is None:
            return "no Prometheus is configured to ask"
        try:
            up = await self._metrics.query(queries.sources_up(), now)
        except MetricsUnavailable as error:
            return str(error)
        listening = any(value > 0 for series in up for _, value in series.points)
        return "" if listening else "Prometheus has no scrape target that is up: its silence proves nothing"

    async def _queries(self, plan: Plan, now: datetime) -> tuple[str, str]:
        """What is wrong with the checks, and which have no data now: those would be Inconclusive."""
        if self._metrics is None:
            return "no Prometheus is configured to ask", ""
        silent: list[str] = []
        for check in plan.verification.promql:
            try:
                found = await self._metrics.query(queries.expression(check.name, check.query), now)
            except MetricsUnavailable as error:
                return f"{check.name}: {error}", ""
            if not any(series.points for series in found):
                silent.append(check.name)
        return "", f"no data now for {', '.join(silent)}" if silent else ""


async def _not_asked() -> None:
    return None


def _judged(target: TargetRef, objects: Objects) -> str:
    """Kinds whose health nobody knows cannot be measured by it; a workload that is only starting can."""
    health = workload_health(target, objects)
    unknown = health.reason in ("KindNotJudged", "NotObserved", "PodsNotObserved")
    return f"{health.reason}: {health.message}" if unknown else ""
