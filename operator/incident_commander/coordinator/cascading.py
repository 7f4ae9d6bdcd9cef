"""Whether an Incident is the effect of another open one, and waiting for that one. See ``intake.cascade``."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from pydantic import ValidationError

from incident_commander.api import kinds
from incident_commander.api.conditions import ConditionType
from incident_commander.api.incident import AlertStatus, Cascade, Incident
from incident_commander.api.reasons import Reason
from incident_commander.coordinator.transition import Draft, Transition
from incident_commander.coordinator.view import View
from incident_commander.errors import ClusterError
from incident_commander.evidence.dependencies import Link, links
from incident_commander.intake.cascade import CAUSE_TOLD_BEFORE, CAUSE_TOLD_LATER, Effect, Member, effect_of
from incident_commander.ports import Clock, Cluster, Object

LONGEST_WAIT = timedelta(minutes=30)
"""Then it is looked into by itself, whatever becomes of its root."""
_LOOK_AGAIN_SECONDS = 15.0
_KEPT = timedelta(seconds=5)
_KINDS = (
    kinds.POD,
    kinds.SERVICE,
    kinds.DEPLOYMENT,
    kinds.STATEFUL_SET,
    kinds.DAEMON_SET,
    kinds.REPLICA_SET,
    kinds.HORIZONTAL_POD_AUTOSCALER,
)


class Topologies:
    """The links between the objects of each namespace, read when they are asked for, and kept for a moment.

    Incidents of one trouble come together, and each asks for the same.
    """

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._reading = asyncio.Lock()
        self._known: dict[str, tuple[datetime, tuple[Link, ...]]] = {}

    async def links(self, namespace: str) -> tuple[Link, ...]:
        """Raises ``ClusterError``."""
        async with self._reading:
            now = self._clock.now()
            self._known = {name: one for name, one in self._known.items() if now - one[0] < _KEPT}
            if namespace not in self._known:
                objects = {kind.resource: await self._cluster.list(kind, namespace) for kind in _KINDS}
                self._known[namespace] = now, links(objects)
            return self._known[namespace][1]


async def read_effect(
    cluster: Cluster, topologies: Topologies, incident: Incident, operator_namespace: str
) -> Effect | None:
    """What it is the effect of. None also where that cannot be read: then nothing waits.

    Costs two lists of Incidents where nothing else is open at the time, else the topology of the namespace as well.
    """
    member, namespace = _member(incident), incident.metadata.namespace or ""
    if member is None:
        return None
    try:
        found: list[Object] = []
        for place in dict.fromkeys((namespace, operator_namespace)):
            found += await cluster.list(kinds.INCIDENT, place)
        others = [other for obj in found if (other := _open_member(obj)) is not None and other.key != member.key]
        if not any(-CAUSE_TOLD_LATER <= member.began - other.began <= CAUSE_TOLD_BEFORE for other in others):
            return None
        return effect_of(member, others, await topologies.links(namespace))
    except ClusterError:
        return None


def wait_for_root(view: View) -> Transition | None:
    """Stay Pending while the root's Incident is open; None: look into it now."""
    incident, effect = view.incident, view.effect
    waiting = incident.status.cascade
    if effect is None or (waiting is not None and view.now - waiting.since >= LONGEST_WAIT):
        return None
    draft = Draft(incident, view.now)
    if waiting is None or waiting.incident != effect.root.key:
        words = effect.words()[:1024]
        since = waiting.since if waiting is not None else view.now
        draft.set(
            cascade=Cascade(incident=effect.root.key[:256], since=since, message=words),
            message=f"waits for Incident {effect.root.key}, of which it is an effect"[:1024],
        )
        draft.condition(ConditionType.RESOLVED, False, Reason.EFFECT, words)
        draft.tell(Reason.EFFECT, words)
    return draft.done(requeue_seconds=_LOOK_AGAIN_SECONDS)


def stop_waiting(view: View, draft: Draft) -> None:
    """Say that it is looked into by itself now, where it waited before."""
    waiting = view.incident.status.cascade
    if waiting is not None:
        why = "it waited long enough" if view.effect is not None else "that one is over, or no longer its cause"
        draft.tell(Reason.EFFECT, f"no longer waits for Incident {waiting.incident}: {why}", event=False)


def _open_member(obj: Object) -> Member | None:
    try:
        incident = Incident.model_validate(obj)
    except ValidationError:
        return None
    gone = incident.status.phase.terminal or incident.metadata.deletion_timestamp is not None
    return None if gone else _member(incident)


def _member(incident: Incident) -> Member | None:
    """None without a target, or when none of its alerts fires."""
    ref = incident.spec.target_ref
    firing = [alert for alert in incident.spec.alerts if alert.status is AlertStatus.FIRING]
    if ref is None or not firing or incident.spec.storm:
        return None
    target = "/".join(part for part in (ref.kind, ref.namespace, ref.name) if part)
    began = min(alert.starts_at for alert in firing)
    return Member(incident.key, target, began, frozenset(alert.name for alert in firing))
