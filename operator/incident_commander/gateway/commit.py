"""Storing a batch of alerts of one lane: read, decide, write; again when somebody else was faster."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from incident_commander import errors
from incident_commander.api.incident import Alert
from incident_commander.api.kinds import INCIDENT
from incident_commander.api.names import FIELD_MANAGER_GATEWAY
from incident_commander.gateway import logbook
from incident_commander.gateway.incidents import IncidentCache, Reading
from incident_commander.gateway.metrics import GatewayMetrics
from incident_commander.intake.correlate import Arrival, Create, Decision, Fate, Patch, decide
from incident_commander.intake.known import Known, home_of, known_incident
from incident_commander.intake.lane import Lane
from incident_commander.intake.storm import StormControl
from incident_commander.ports import Clock, Cluster, PatchType

_ATTEMPTS = 10
_BACKOFF_SECONDS = 0.02
_STORM_SLOTS = 4


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an alert. ``incident`` is ``namespace/name``, or empty for none."""

    fate: Fate
    incident: str


@dataclass(slots=True)
class Batch:
    """Alerts of one lane, by place, and what became of them so far.

    ``overflow``: what is still left belongs to the storm of the namespace.
    """

    arrivals: dict[int, Arrival]
    truncated: dict[str, int]
    settled: dict[int, Settled] = field(default_factory=dict)
    overflow: bool = False
    written: bool = False
    """Whether anything was written."""

    def alerts(self, fates: Mapping[int, Fate]) -> Iterator[Alert]:
        """Those that a write is about, and that were not known before as they are."""
        return (self.arrivals[place].alert for place, fate in fates.items() if fate is not Fate.UNCHANGED)

    def settle(self, fates: Mapping[int, Fate], incident: str) -> None:
        """These are stored."""
        for place, fate in fates.items():
            self.settled[place] = Settled(fate, incident)
            self.arrivals.pop(place, None)


@dataclass(slots=True)
class _State:
    """What one commit remembers from attempt to attempt."""

    admitted: bool | None
    """Whether storm control lets it write about new alerts; None while it was not asked."""
    by_name: list[Known] = field(default_factory=list)
    creating: str = ""
    """Name of the Incident that the last attempt was about to create, or empty."""


class Committer:
    """Writes Incidents. One batch of a lane at a time (``lanes.Lanes`` sees to it); other replicas may interfere."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        storms: StormControl,
        slots: asyncio.Semaphore,
        metrics: GatewayMetrics,
        present: Callable[[Lane], Awaitable[Lane]],
    ) -> None:
        """``present``: the lane with its target as it is now."""
        self._cluster = cluster
        self._clock = clock
        self._storms = storms
        self._slots = slots
        # Apart from the others, so that what is counted in a storm does not wait behind what is looked for.
        self._storm_slots = asyncio.Semaphore(_STORM_SLOTS)
        self._metrics = metrics
        self._present = present
        self._incidents = IncidentCache(cluster, clock)

    async def commit(self, lane: Lane, batch: Batch) -> None:
        """Store the batch. Raises a ``ClusterError``; what was stored before it is in ``batch.settled``."""
        state = _State(admitted=True if lane.storm else None)
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._metrics.conflicts.inc()
                self._incidents.forget(lane)
                await self._clock.sleep(random.uniform(0.0, _BACKOFF_SECONDS * 2 ** min(attempt, 5)))
            try:
                async with self._storm_slots if lane.storm else self._slots:
                    await self._attempt(lane, batch, state)
                return
            except errors.AlreadyExists:
                # Its labels may have been changed: then only its name finds it.
                state.by_name += await self._named(lane, state.creating)
            except errors.Conflict:
                continue
            except errors.NotFound:
                if state.creating:
                    raise
        raise errors.Conflict(f"Incidents of {lane.namespace} changed {_ATTEMPTS} times while alerts were to join them")

    async def _attempt(self, lane: Lane, batch: Batch, state: _State) -> None:
        state.creating = ""
        reading = self._incidents.get(lane)
        fresh = reading is None
        if reading is None:
            if not state.admitted and self._storms.storming(lane.namespace, self._clock.now()):
                batch.overflow = True
                return
            reading = await self._incidents.load(lane)
        decision = self._decide(reading, lane, batch, state)
        if decision.create is not None:
            # Never create on what may be stale: the target may be another object by now, and another replica may have
            # made the Incident already.
            lane = await self._present(lane)
            if not fresh:
                reading = await self._incidents.load(lane)
            decision = self._decide(reading, lane, batch, state)
        for place, (fate, incident) in decision.settled.items():
            batch.settle({place: fate}, incident)
        home = home_of(reading.knowns, lane.hash)
        for patch in decision.patches:
            await self._patch(lane, patch, batch, home)
        if decision.create is not None:
            state.creating = decision.create.name
            await self._create(lane, decision.create, batch)
        if state.admitted is None or state.admitted:
            batch.truncated.clear()
        else:
            batch.overflow = True

    def _decide(self, reading: Reading, lane: Lane, batch: Batch, state: _State) -> Decision:
        """Storm control is asked once per commit, and only when there is something new to write."""
        newest = self._incidents.get(Lane.of_storm(lane.namespace)) if not lane.storm else None
        found = [*state.by_name, *reading.knowns, *(newest.knowns if newest is not None else ())]
        knowns = list({known.key: known for known in found}.values())
        decision = decide(lane, knowns, batch.arrivals, batch.truncated, take_new=state.admitted is not False)
        if state.admitted is None and (decision.create is not None or decision.joins):
            admits = self._storms.admits_incident if decision.create is not None else self._storms.admits_join
            state.admitted = admits(lane.namespace, self._clock.now())
            if not state.admitted:
                decision = decide(lane, knowns, batch.arrivals, batch.truncated, take_new=False)
        return decision

    async def _patch(self, lane: Lane, patch: Patch, batch: Batch, home: Known | None) -> None:
        batch.written = True
        stored = await self._cluster.patch(
            INCIDENT,
            patch.known.namespace,
            patch.known.name,
            patch.operations,
            patch_type=PatchType.JSON,
            field_manager=FIELD_MANAGER_GATEWAY,
        )
        known = known_incident(stored)
        logbook.written(known.key, lane, batch.alerts(patch.fates), patch.fates.values())
        batch.settle(patch.fates, known.key)
        self._incidents.stored(lane, known)
        if home is not None and known.key == home.key:
            batch.truncated.clear()

    async def _create(self, lane: Lane, create: Create, batch: Batch) -> None:
        batch.written = True
        stored = await self._cluster.create(INCIDENT, lane.namespace, create.body, field_manager=FIELD_MANAGER_GATEWAY)
        known = known_incident(stored)
        logbook.created(known.key, lane, batch.alerts(create.fates), create.fates.values())
        batch.settle(create.fates, known.key)
        batch.truncated.clear()
        self._incidents.stored(lane, known)

    async def _named(self, lane: Lane, name: str) -> list[Known]:
        """The Incident of that name, whatever its labels say now."""
        try:
            return [known_incident(await self._cluster.get(INCIDENT, lane.namespace, name))]
        except errors.NotFound:
            return []
