"""Prediction as an agent: what it reads, and when it speaks."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from incident_agents.agent import Ballot, Case
from incident_agents.evidence_source import EvidenceSource
from incident_agents.prediction.forecast import forecast
from incident_agents.prediction.room import Demand, demand, fits, free, template_of
from incident_agents.prediction.vote import RoomView, vote
from incident_commander.api import kinds
from incident_commander.api.incident import Incident, Phase
from incident_commander.api.plan import ActionName, Plan, Step
from incident_commander.api.role import Role
from incident_commander.api.statement import Forecast
from incident_commander.errors import ClusterError
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.health import workload_health
from incident_commander.evidence.scope import Scope, polling
from incident_commander.evidence.situation import read_situation
from incident_commander.ports import Cluster, Object

_NEEDS_ROOM = frozenset({ActionName.SCALE_WORKLOAD, ActionName.SET_RESOURCES, ActionName.PATCH_HPA})
_CRASHED_WITHIN = timedelta(minutes=10)


_log = structlog.get_logger(__name__)


class PredictionAgent:
    """Reads the target's pods, volumes and series; and all nodes and pods where a plan needs room."""

    role = Role.PREDICTION
    speaks_in = frozenset({Phase.DIAGNOSING})

    def __init__(self, source: EvidenceSource, cluster: Cluster) -> None:
        self._source = source
        self._cluster = cluster

    async def speak(self, case: Case) -> Forecast | None:
        """Once, when a series with a limit says something about this Incident."""
        if case.own is not None and isinstance(case.own.body, Forecast):
            return None
        return forecast(await self._look(case.incident), case.diagnosis())

    async def vote(self, case: Case, plan: Plan) -> Ballot:
        """On what is seen now."""
        evidence, room = await asyncio.gather(self._look(case.incident), self._room(plan))
        target = case.incident.spec.target_ref
        since = case.now - _CRASHED_WITHIN
        health = workload_health(target, evidence.objects, since=since) if target is not None else None
        return vote(plan, evidence, health, case.diagnosis(), room)

    async def _look(self, incident: Incident) -> Evidence:
        target = incident.spec.target_ref
        seen = polling(target).kinds if target is not None else ()
        wanted = dict.fromkeys((*seen, kinds.PERSISTENT_VOLUME_CLAIM))
        return await self._source.evidence(incident, Scope(tuple(wanted), logs=False, metrics=True))

    async def _room(self, plan: Plan) -> RoomView:
        nodes_after: int | None = None
        largest, template = Demand(0, {}), Object()
        try:
            for step in plan.steps:
                if step.action is ActionName.CORDON_NODE:
                    nodes_after = await self._schedulable_without(step.target.name)
                elif step.action in _NEEDS_ROOM:
                    wanted, pod = await self._demand(step)
                    largest, template = (wanted, pod) if wanted.pods else (largest, template)
            if not largest.pods:
                return RoomView(largest, None, nodes_after)
            nodes, pods = await asyncio.gather(self._cluster.list(kinds.NODE), self._cluster.list(kinds.POD))
        except ClusterError as error:
            _log.warning("Room cannot be told", plan=plan.digest, error=str(error))
            return RoomView(largest if largest.pods else Demand(1, {}), None, nodes_after)
        return RoomView(largest, fits(largest, free(nodes, pods, template)), nodes_after)

    async def _demand(self, step: Step) -> tuple[Demand, Object]:
        """What the step asks of the scheduler, and a pod or template of the kind that it asks for."""
        situation = await read_situation(self._cluster, step.target)
        target, pods = situation.target, list(situation.related.get(kinds.POD.resource, ()))
        if step.target.kind == "HorizontalPodAutoscaler":
            pods = await self._scaled_pods(target)
        return demand(step, target, pods), (pods[0] if pods else template_of(target))

    async def _scaled_pods(self, hpa: Object) -> list[Object]:
        """Pods of what the HPA scales, found by the selector of that workload."""
        ref = fields.mapping(hpa, "spec", "scaleTargetRef")
        kind = kinds.kind_of(fields.text(ref, "apiVersion"), fields.text(ref, "kind"))
        if kind is None:
            return []
        namespace = fields.namespace(hpa)
        workload = await self._cluster.get(kind, namespace, fields.text(ref, "name"))
        wanted = fields.strings(workload, "spec", "selector", "matchLabels")
        if not wanted:
            return []
        selector = ",".join(f"{key}={value}" for key, value in sorted(wanted.items()))
        return await self._cluster.list(kinds.POD, namespace, labels=selector)

    async def _schedulable_without(self, node: str) -> int:
        nodes = await self._cluster.list(kinds.NODE)
        stay = [n for n in nodes if fields.name(n) != node and not fields.flag(n, "spec", "unschedulable")]
        return len([n for n in stay if fields.condition(n, "Ready").get("status") == "True"])
