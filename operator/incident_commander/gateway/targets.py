"""From an alert's labels to its lane: which of the named objects exist, and who controls them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from incident_commander import errors
from incident_commander.api.kinds import NAMESPACE, kind_named, kind_of
from incident_commander.api.meta import TargetRef
from incident_commander.evidence import owners
from incident_commander.gateway.remembered import Remembered
from incident_commander.gateway.settings import GatewaySettings
from incident_commander.intake.lane import Lane
from incident_commander.intake.storm import StormControl
from incident_commander.intake.target import Candidates
from incident_commander.ports import Clock, Cluster, Object

_FOUND_SECONDS = 60.0
_MISSING_SECONDS = 10.0
_FRESH = timedelta(seconds=5)
"""How old the sighting of a target may be for a new Incident to pin its UID."""
_NAMESPACES = 1024
_TARGETS = 4096


@dataclass(frozen=True, slots=True)
class _Step:
    """The next object upwards, and the UID that it must have (empty: not told)."""

    ref: TargetRef
    uid: str


@dataclass(frozen=True, slots=True)
class _Sighting:
    """An object that exists, with its UID where it could be read, and what controls it."""

    ref: TargetRef
    above: _Step | None
    at: datetime


class TargetFinder:
    """Asks the API server, remembers for a minute, and stops asking in a storm.

    Raises ``Unavailable`` or ``Throttled`` when the API server does not answer: better no Incident yet than one
    about the wrong object. What we have no right to read is taken as the labels tell it.
    """

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        storms: StormControl,
        slots: asyncio.Semaphore,
        settings: GatewaySettings,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._storms = storms
        self._slots = slots
        self._operator_namespace = settings.operator_namespace
        self._namespaces: Remembered[str, bool] = Remembered(
            clock, _NAMESPACES, lambda usable: _FOUND_SECONDS if usable else _MISSING_SECONDS
        )
        self._sightings: Remembered[TargetRef, _Sighting | None] = Remembered(
            clock, _TARGETS, lambda found: _FOUND_SECONDS if found is not None else _MISSING_SECONDS
        )

    async def home(self, named: Candidates) -> str:
        """The namespace where an Incident about this lives: its own, or the operator's."""
        namespace = named.namespace
        if namespace is None or (named.refs and not any(ref.namespace for ref in named.refs)):
            return self._operator_namespace
        usable = await self._namespaces.get(namespace, lambda: self._usable(namespace))
        return namespace if usable else self._operator_namespace

    def known_lane(self, named: Candidates) -> Lane | None:
        """The lane, where it is known without asking; None when ``lane`` has to find it."""
        if not named.refs or named.namespace is None or not self._namespaces.peek(named.namespace):
            return None
        step = _Step(named.refs[0], "")
        for _ in range(owners.MAX_CLIMB):
            seen = self._sightings.peek(step.ref)
            if seen is None or (step.uid and seen.ref.uid and step.uid != seen.ref.uid):
                return None
            if seen.above is None:
                return Lane.of_target(named.namespace, seen.ref) if seen.ref.namespace else None
            step = seen.above
        return None

    async def lane(self, named: Candidates, labels: Mapping[str, str]) -> Lane:
        """The lane of an alert with these labels, which name these."""
        home = await self.home(named)
        refs = [ref for ref in named.refs if ref.namespace in (None, home)]
        if refs and not self._sightings.knows(refs[0]):
            # Pods of a controller that was just seen are not looked for one by one.
            seen = [ref for ref in named.suggested if ref in refs and self._sightings.peek(ref) is not None]
            if seen and refs[0].kind == "Pod":
                refs = seen
            elif not self._may_look(home):
                return Lane.of_storm(home)
        for ref in refs:
            found = await self._top(ref)
            if found is not None:
                return Lane.of_target(home if found.namespace else self._operator_namespace, found)
        if named.refs:
            return Lane.of_target(home, named.refs[0])
        return Lane.of_labels(home, labels)

    async def present(self, lane: Lane) -> Lane:
        """The lane with its target as it is now, for a new Incident: it may have been made anew since it was seen.

        Asks without waiting for a place among the requests: whoever creates an Incident has one.
        """
        target = lane.target
        if target is None or not target.uid:
            return lane
        named = target.model_copy(update={"uid": None})
        seen = self._sightings.peek(named)
        if seen is not None and self._clock.now() - seen.at < _FRESH:
            return lane
        now = await self._read(named)
        self._sightings.put(named, now)
        # What is gone stays the target: the alert began when it was there.
        return lane if now is None or now.ref.uid in (None, target.uid) else replace(lane, target=now.ref)

    def forget_namespace(self, namespace: str) -> None:
        """It proved to be gone, or going."""
        self._namespaces.forget(namespace)

    def _may_look(self, namespace: str) -> bool:
        now = self._clock.now()
        return not self._storms.storming(namespace, now) and self._storms.admits_lookup(namespace, now)

    async def _usable(self, namespace: str) -> bool:
        try:
            async with self._slots:
                found = await self._cluster.get(NAMESPACE, None, namespace)
        except errors.NotFound:
            return False
        except errors.Forbidden:
            return True
        return not (found.get("metadata") or {}).get("deletionTimestamp")

    async def _top(self, ref: TargetRef) -> TargetRef | None:
        """The top controller of an object, or None when the object does not exist."""
        top: TargetRef | None = None
        step = _Step(ref, "")
        for _ in range(owners.MAX_CLIMB):
            seen = await self._sightings.get(step.ref, partial(self._look, step.ref))
            if seen is None or (step.uid and seen.ref.uid and step.uid != seen.ref.uid):
                return top
            top = seen.ref
            if seen.above is None:
                return top
            step = seen.above
        return top

    async def _look(self, ref: TargetRef) -> _Sighting | None:
        async with self._slots:
            return await self._read(ref)

    async def _read(self, ref: TargetRef) -> _Sighting | None:
        kind = kind_named(ref.kind)
        if kind is None:
            return None
        try:
            found = await self._cluster.get(kind, ref.namespace, ref.name)
        except errors.NotFound:
            return None
        except (errors.Forbidden, errors.Invalid):
            return _Sighting(ref, None, self._clock.now())
        uid = (found.get("metadata") or {}).get("uid")
        # The UID tells it from an object of the same name that is made later.
        pinned = ref.model_copy(update={"uid": str(uid) if uid else None})
        return _Sighting(pinned, _above(ref, found), self._clock.now())


def _above(ref: TargetRef, obj: Object) -> _Step | None:
    owner = owners.controller(obj)
    kind = kind_of(owner.api_version, owner.kind) if owner is not None else None
    if owner is None or kind is None or not kind.namespaced:
        # A static pod is controlled by its Node: the pod is still what the alert is about.
        return None
    above = TargetRef(api_version=kind.api_version, kind=kind.kind, namespace=ref.namespace, name=owner.name)
    return _Step(above, owner.uid)
