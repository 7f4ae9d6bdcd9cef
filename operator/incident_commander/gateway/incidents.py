"""Incidents by lane, as they were last read: so that what was told before costs no request."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_commander.api.kinds import INCIDENT
from incident_commander.intake.known import Known, known_incident
from incident_commander.intake.lane import Lane
from incident_commander.ports import Clock, Cluster

_FRESH = timedelta(seconds=15)
"""How long an Incident may be gone before alerts told again are stored again, at most."""
_ENDED = 4
"""Ended Incidents kept per lane, besides those that people have; older ones are found again by their names."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the API server said about one lane."""

    at: datetime
    knowns: tuple[Known, ...]


class IncidentCache:
    """At most ``size`` lanes. A stale entry is never harmful: every write tests what it is based on."""

    def __init__(self, cluster: Cluster, clock: Clock, size: int = 1024) -> None:
        self._cluster = cluster
        self._clock = clock
        self._size = size
        self._readings: OrderedDict[tuple[str, str], Reading] = OrderedDict()

    def get(self, lane: Lane) -> Reading | None:
        """What is known, if it is fresh."""
        reading = self._readings.get((lane.namespace, lane.hash))
        if reading is None or self._clock.now() - reading.at > _fresh(lane):
            return None
        self._readings.move_to_end((lane.namespace, lane.hash))
        return reading

    async def load(self, lane: Lane) -> Reading:
        """Ask the API server."""
        at = self._clock.now()
        objects = await self._cluster.list(INCIDENT, lane.namespace, labels=lane.selector)
        knowns = tuple(known_incident(obj) for obj in objects)
        self._put(lane, Reading(at, _kept(knowns)))
        return Reading(at, knowns)

    def stored(self, lane: Lane, known: Known) -> None:
        """An Incident of the lane as the API server has just answered it."""
        reading = self._readings.get((lane.namespace, lane.hash))
        others = [other for other in reading.knowns if other.key != known.key] if reading is not None else []
        at = self._clock.now() if reading is None or known.open else reading.at
        self._put(lane, Reading(at, _kept([*others, known])))

    def forget(self, lane: Lane) -> None:
        """What is known proved wrong."""
        self._readings.pop((lane.namespace, lane.hash), None)

    def _put(self, lane: Lane, reading: Reading) -> None:
        self._readings[lane.namespace, lane.hash] = reading
        self._readings.move_to_end((lane.namespace, lane.hash))
        if len(self._readings) > self._size:
            self._readings.popitem(last=False)


def _fresh(lane: Lane) -> timedelta:
    """Two thirds of the time and more, so that lanes which a flood began at once are not all read again at once."""
    return _FRESH * (1 - sum(lane.hash.encode()) % 32 / 96)


def _kept(knowns: Sequence[Known]) -> tuple[Known, ...]:
    lasting = tuple(known for known in knowns if known.open or known.handed_over)
    ended = sorted((known for known in knowns if known not in lasting), key=lambda known: known.created)[-_ENDED:]
    return (*lasting, *ended)
