"""Evidence for agents: gathered through their own identity, and shared where several live in one process."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_commander.api.incident import Incident
from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.gatherer import gather
from incident_commander.evidence.scope import FULL, Scope
from incident_commander.ports import Clock, Cluster, Metrics

_FRESH = timedelta(seconds=2)
"""Long enough that agents which wake up together read once, too short to vote on an old picture."""
_REMEMBERED = 32


@dataclass(frozen=True, slots=True)
class _Kept:
    until: datetime
    scope: Scope
    evidence: Evidence


class EvidenceSource:
    """Gathers about an Incident's target. Never raises for what could not be read: that is a gap.

    ``metrics`` None: there is no Prometheus.
    """

    def __init__(
        self,
        cluster: Cluster,
        metrics: Metrics | None,
        clock: Clock,
        *,
        operator_namespace: str = OPERATOR_NAMESPACE,
    ) -> None:
        self._cluster = cluster
        self._metrics = metrics
        self._clock = clock
        self._operator_namespace = operator_namespace
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}

    async def evidence(self, incident: Incident, scope: Scope = FULL) -> Evidence:
        """What is known now, at most two seconds old. Full evidence also answers for a smaller scope."""
        uid = incident.metadata.uid
        lock = self._locks.setdefault(uid, asyncio.Lock())
        async with lock:
            kept = self._kept.get(uid)
            if kept is None or self._clock.now() >= kept.until or kept.scope not in (scope, FULL):
                found = await self._gather(incident, scope)
                kept = _Kept(found.captured_at + _FRESH, scope, found)
                self._keep(uid, kept)
        return kept.evidence

    async def _gather(self, incident: Incident, scope: Scope) -> Evidence:
        target = incident.spec.target_ref
        namespace = (target.namespace if target is not None else None) or incident.metadata.namespace
        labels: list[Mapping[str, str]] = [alert.labels for alert in incident.spec.alerts]
        return await gather(
            target,
            cluster=self._cluster,
            metrics=self._metrics,
            clock=self._clock,
            namespace=namespace or self._operator_namespace,
            scope=scope,
            alert_labels=labels,
        )

    def _keep(self, uid: str, kept: _Kept) -> None:
        self._kept[uid] = kept
        self._kept.move_to_end(uid)
        while len(self._kept) > _REMEMBERED:
            old, _ = self._kept.popitem(last=False)
            self._locks.pop(old, None)
