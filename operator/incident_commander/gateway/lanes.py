"""Group commit: alerts of one lane that arrive while a write is in flight, or in the moment before it, share it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from incident_commander.errors import ClusterError, Unavailable
from incident_commander.gateway.commit import Batch, Settled
from incident_commander.gateway.metrics import GatewayMetrics
from incident_commander.intake.correlate import Arrival
from incident_commander.intake.lane import Lane
from incident_commander.ports import Clock

_log = structlog.get_logger(__name__)

_PACE = timedelta(seconds=0.25)
"""For how long a write to an Incident waits for company. The first alert never waits. Groups of Alertmanager whose
alerts began with the same evaluation have their timers in step, so that what they tell later comes within
milliseconds; and a flood becomes four writes a second, each of which costs the API server some 20 ms, and goes to all
who watch.
"""
_PASSING_ON = timedelta(seconds=0.1)
"""The same, for a lane whose last alerts belonged to a storm: what it passes on waits there for company, too."""
_KNOWN = timedelta(minutes=30)
_REMEMBERED = 4096

Commit = Callable[[Lane, Batch], Awaitable[None]]


@dataclass(slots=True)
class _Submission:
    arrivals: Sequence[Arrival]
    truncated: Mapping[str, int]
    stored: asyncio.Future[list[Settled]]


class Lanes:
    """One writer per lane, for as long as there is something to write."""

    def __init__(self, commit: Commit, clock: Clock, metrics: GatewayMetrics) -> None:
        self._commit = commit
        self._clock = clock
        self._metrics = metrics
        self._written: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        """When each lane was last written to, oldest first: its next alerts are news of an Incident that is open."""
        self._passing_on: set[tuple[str, str]] = set()
        """Those of them whose last alerts went on to the storm of their namespace."""
        self._waiting: dict[tuple[str, str], list[_Submission]] = {}
        self._writers: set[asyncio.Task[None]] = set()

    def submit(
        self, lane: Lane, arrivals: Sequence[Arrival], truncated: Mapping[str, int]
    ) -> asyncio.Future[list[Settled]]:
        """Done when all of these are stored, in order; or with the ``ClusterError`` that prevented it.

        Cancelling it does not stop the write.
        """
        stored: asyncio.Future[list[Settled]] = asyncio.get_running_loop().create_future()
        stored.add_done_callback(_retrieved)
        submission = _Submission(arrivals, truncated, stored)
        key = (lane.namespace, lane.hash)
        if key in self._waiting:
            self._waiting[key].append(submission)
        else:
            self._waiting[key] = [submission]
            writer = asyncio.create_task(self._write(lane, key))
            self._writers.add(writer)
            writer.add_done_callback(self._ended)
        return stored

    async def _write(self, lane: Lane, key: tuple[str, str]) -> None:
        try:
            while self._waiting[key]:
                await self._pace(key)
                waiting, self._waiting[key] = self._waiting[key], []
                batch = await self._store(lane, waiting)
                if batch.overflow and key in self._written:
                    self._passing_on.add(key)
                else:
                    self._passing_on.discard(key)
                if batch.written:
                    self._written[key] = self._clock.now()
                    self._written.move_to_end(key)
        finally:
            _give_up(self._waiting.pop(key))

    async def _pace(self, key: tuple[str, str]) -> None:
        now = self._clock.now()
        while self._written and (len(self._written) > _REMEMBERED or now - next(iter(self._written.values())) > _KNOWN):
            self._passing_on.discard(self._written.popitem(last=False)[0])
        if key in self._written:
            await self._clock.sleep((_PASSING_ON if key in self._passing_on else _PACE).total_seconds())

    async def _store(self, lane: Lane, submissions: Sequence[_Submission]) -> Batch:
        """Commit; what does not belong into the lane's own Incident goes on without holding up the lane."""
        batch = _merged(submissions)
        self._metrics.commit_alerts.observe(len(batch.arrivals))
        handed_over = False
        try:
            with self._metrics.commit_seconds.time():
                await self._commit(lane, batch)
            if batch.overflow:
                self._overflow(lane, submissions, batch)
                handed_over = True
            else:
                self._answer(submissions, batch, None)
        except ClusterError as error:
            self._answer(submissions, batch, error)
        finally:
            if not handed_over:
                _give_up(submissions)
        return batch

    def _overflow(self, lane: Lane, submissions: Sequence[_Submission], batch: Batch) -> None:
        places = list(batch.arrivals)
        self._metrics.storm_alerts.inc(len(places))

        def answer(stored: asyncio.Future[list[Settled]]) -> None:
            if (error := stored.exception()) is None:
                batch.settled.update(zip(places, stored.result(), strict=True))
            self._answer(submissions, batch, error)

        left = [batch.arrivals[place] for place in places]
        self.submit(Lane.of_storm(lane.namespace), left, batch.truncated).add_done_callback(answer)

    def _ended(self, writer: asyncio.Task[None]) -> None:
        self._writers.discard(writer)
        if not writer.cancelled() and (defect := writer.exception()) is not None:
            _log.error("Writer of alerts failed", exc_info=defect)

    def _answer(self, submissions: Sequence[_Submission], batch: Batch, error: BaseException | None) -> None:
        self._metrics.commits.labels("stored" if error is None else "failed").inc()
        place = 0
        for submission in submissions:
            places = range(place, place + len(submission.arrivals))
            place += len(submission.arrivals)
            if submission.stored.done():
                continue
            if error is not None and not (all(p in batch.settled for p in places) and not submission.truncated):
                submission.stored.set_exception(error)
            else:
                submission.stored.set_result([batch.settled[p] for p in places])


def _merged(submissions: Sequence[_Submission]) -> Batch:
    arrivals = [arrival for submission in submissions for arrival in submission.arrivals]
    truncated: dict[str, int] = {}
    for submission in submissions:
        for group, count in submission.truncated.items():
            truncated[group] = max(count, truncated.get(group, 0))
    return Batch(dict(enumerate(arrivals)), truncated)


def _give_up(submissions: Sequence[_Submission]) -> None:
    """Nobody waits for ever: a writer that was cancelled, or has a defect, lets go of those who wait."""
    for submission in submissions:
        if not submission.stored.done():
            submission.stored.set_exception(Unavailable("the alerts' writer has ended before they were stored"))


def _retrieved(stored: asyncio.Future[list[Settled]]) -> None:
    if not stored.cancelled():
        stored.exception()
