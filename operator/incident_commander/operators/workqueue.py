"""A work queue as controllers have it: keyed, de-duplicating, delayed, with back-off and bounded concurrency.

Modelled on client-go's ``util/workqueue`` and controller-runtime's reconcile loop: a key that is added while it
waits is there once; one that is added while it is worked on is worked on again afterwards, never twice at once.
Time is the running loop's, so that tests may bring a virtual one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from incident_commander.errors import ClusterError, Throttled

_log = structlog.get_logger(__name__)

Reconcile = Callable[[str, str], Awaitable[float | None]]
"""Works on one object; answers the seconds after which it wants to look again, or None."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """An object by namespace and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds until a failed key is tried again: doubled each time up to ``cap``, of which between half and all."""

    first: float = 0.25
    cap: float = 60.0

    def delay(self, failures: int, jitter: float) -> float:
        """After so many failures in a row (1 is the first); ``jitter`` is a random number from 0 to 1."""
        full: float = min(self.cap, self.first * 2.0 ** min(failures - 1, 32))
        return full * (0.5 + jitter / 2)


class QueueTelemetry(Protocol):
    """What a queue tells about itself; ``component`` names it."""

    def reconciled(self, component: str, result: str, seconds: float) -> None:
        """One reconcile ended: Done, Retried (a ClusterError) or Crashed (a defect)."""
        ...

    def waited(self, component: str, seconds: float) -> None:
        """A key was taken ``seconds`` after it was due."""
        ...


class WorkQueue:
    """Calls ``reconcile`` for each added key. ``run`` does the work until ``stop``.

    A ``ClusterError`` is retried with back-off; any other exception is a defect: it is logged with its
    traceback, retried in the same way, and stops neither the process nor other keys.
    """

    def __init__(
        self,
        component: str,
        reconcile: Reconcile,
        *,
        workers: int = 8,
        backoff: Backoff = Backoff(),
        telemetry: QueueTelemetry | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.component = component
        self._reconcile = reconcile
        self._workers = workers
        self._backoff = backoff
        self._telemetry = telemetry
        self._jitter = jitter
        self._due: asyncio.Queue[Key | None] = asyncio.Queue()
        self._waiting: dict[Key, float] = {}
        self._working: dict[Key, float] = {}
        self._again: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._stopping = False

    def add(self, key: Key) -> None:
        """Work on it as soon as a worker is free."""
        if self._stopping:
            return
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting[key] = _now()
            self._due.put_nowait(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Work on it then, or earlier when it was to be worked on earlier anyway."""
        if seconds <= 0:
            self.add(key)
            return
        if self._stopping or key in self._waiting or key in self._again:
            return
        when = _now() + seconds
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= when:
                return
            timer.cancel()
        self._timers[key] = asyncio.get_running_loop().call_at(when, self._fire, key)

    def busiest_seconds(self) -> float:
        """How long the longest running reconcile has been running; 0 when idle. For liveness."""
        return max((_now() - started for started in self._working.values()), default=0.0)

    def depth(self) -> int:
        """How many keys are due and not yet worked on."""
        return len(self._waiting)

    def oldest_seconds(self) -> float:
        """How long the key that waits longest has been due; 0 when none waits."""
        return max((_now() - due_at for due_at in self._waiting.values()), default=0.0)

    def idle(self) -> bool:
        """Whether nothing is due or being worked on (timers may be set)."""
        return not self._waiting and not self._working and not self._again

    async def run(self) -> None:
        """Work until ``stop``; what is being worked on then is finished."""
        await asyncio.gather(*(self._work() for _ in range(self._workers)))

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for _ in range(self._workers):
            self._due.put_nowait(None)

    def _fire(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    async def _work(self) -> None:
        while (key := await self._due.get()) is not None and not self._stopping:
            due_at = self._waiting.pop(key)
            self._working[key] = _now()
            if self._telemetry is not None:
                self._telemetry.waited(self.component, _now() - due_at)
            try:
                await self._once(key)
            finally:
                del self._working[key]
            if key in self._again:
                self._again.discard(key)
                self.add(key)

    async def _once(self, key: Key) -> None:
        """One reconcile, as a task of its own: whatever it raises is looked at, not caught."""
        started = _now()
        with structlog.contextvars.bound_contextvars(component=self.component, incident=str(key)):
            task = asyncio.ensure_future(self._reconcile(key.namespace, key.name))
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                task.cancel()
                await asyncio.wait({task})
                raise
            result = self._settle(key, task)
        if self._telemetry is not None:
            self._telemetry.reconciled(self.component, result, _now() - started)

    def _settle(self, key: Key, task: asyncio.Future[float | None]) -> str:
        """Put the key back as the outcome wants it."""
        if task.cancelled():
            return "Cancelled"
        error = task.exception()
        if error is None:
            self._failures.pop(key, None)
            again = task.result()
            if again is not None:
                self._later(key, again)
            return "Done"
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = self._backoff.delay(failures, self._jitter())
        if isinstance(error, Throttled):
            delay = max(delay, error.retry_after)
        self._later(key, delay)
        if isinstance(error, ClusterError):
            if failures & (failures - 1) == 0:  # 1, 2, 4, 8 ...: what lasts is not told at every try
                _log.warning("Reconcile failed", error=str(error), failures=failures, again_in_seconds=round(delay, 2))
            return "Retried"
        _log.error("Reconcile crashed", exc_info=error, failures=failures, again_in_seconds=round(delay, 2))
        return "Crashed"

    def _later(self, key: Key, seconds: float) -> None:
        """``add_after`` for the key that is just being finished."""
        if key in self._again or self._stopping:
            return
        if seconds <= 0:
            self._again.add(key)
        else:
            self.add_after(key, seconds)


def _now() -> float:
    return asyncio.get_running_loop().time()
