"""Evidence for agents: gathered through their own identity, and shared where several live in one process."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_commander.api.incident import Incident
from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.errors import Unavailable
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.gatherer import gather
from incident_commander.evidence.scope import FULL, Scope
from incident_commander.ports import Clock, Cluster, Metrics

_FRESH = timedelta(seconds=2)
"""Long enough that agents which wake up together read once, too short to vote on an old picture."""
_REMEMBERED = 32
_PATIENCE = timedelta(seconds=20)
"""How long an API server that restarts or throttles is waited for. A judgement on what is left of a cluster in that
moment would be a wrong one; well below the coordinator's wait for a diagnosis."""
_SAME_OUTAGE = timedelta(seconds=60)
"""A kind that was not answered for, and was not asked for again for so long, is waited for anew."""


@dataclass(frozen=True, slots=True)
class _Kept:
    until: datetime
    scope: Scope
    evidence: Evidence


class EvidenceSource:
    """Gathers about an Incident's target. What could not be read is a gap.

    Raises ``Unavailable`` for what the API server does not answer now, within the patience for it; what is not
    answered for longer is a gap as well. ``metrics`` None: there is no Prometheus.
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
        self._unanswered: dict[str, tuple[datetime, datetime]] = {}

    async def evidence(self, incident: Incident, scope: Scope = FULL) -> Evidence:
        """What is known now, at most two seconds old. Full evidence also answers for a smaller scope."""
        uid = incident.metadata.uid
        lock = self._locks.setdefault(uid, asyncio.Lock())
        async with lock:
            kept = self._kept.get(uid)
            if kept is None or self._clock.now() >= kept.until or kept.scope not in (scope, FULL):
                found = await self._gather(incident, scope)
                self._insist(found)
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

    def _insist(self, found: Evidence) -> None:
        """Raises ``Unavailable`` when it is worth reading again."""
        now = self._clock.now()
        for resource in set(found.objects) - set(found.unanswered):
            self._unanswered.pop(resource, None)
        for resource in found.unanswered:
            first, last = self._unanswered.get(resource, (now, now))
            self._unanswered[resource] = (now if now - last > _SAME_OUTAGE else first, now)
        recent = [r for r in found.unanswered if now - self._unanswered[r][0] < _PATIENCE]
        if recent:
            raise Unavailable(f"the API server gives no answer about {', '.join(recent)}; asking again before judging")

    def _keep(self, uid: str, kept: _Kept) -> None:
        self._kept[uid] = kept
        self._kept.move_to_end(uid)
        while len(self._kept) > _REMEMBERED:
            old, _ = self._kept.popitem(last=False)
            self._locks.pop(old, None)
