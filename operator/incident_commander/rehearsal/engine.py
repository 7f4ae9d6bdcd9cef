"""Runs the project's own processes in a rehearsed world: work queues, watch events, crashes, virtual time.

One component at a time, in an order that only the seed decides, until nothing is left to do; then time moves on
to what is due next.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from incident_commander import errors
from incident_commander.api.kinds import INCIDENT, Kind
from incident_commander.rehearsal.faults import Crash
from incident_commander.rehearsal.objects import name_of, namespace_of
from incident_commander.rehearsal.store import Key, WatchEvent
from incident_commander.rehearsal.world import World

_RESYNC_SECONDS = 300.0
_RESTART_SECONDS = 2.0
_FIRST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS = 0.5, 30.0
_REDELIVERY_SECONDS = 5.0
_BUSY_WINDOW_SECONDS, _BUSY_LIMIT = 10.0, 500


class Reconciler(Protocol):
    """A process' only entry: level-triggered, safe to call at any time."""

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """One step; answers in how many seconds to look again, None for "when it changes"."""
        ...


Receiver = Callable[[dict[str, Any]], Awaitable[None]]
"""The webhook: takes one payload; raises when it could not be stored, and then gets it again."""


class Livelock(RuntimeError):
    """A component keeps working on one object without time passing."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A reconcile that raised; it was tried again."""

    at: datetime
    component: str
    key: Key
    error: Exception


@dataclass(slots=True)
class Component:
    """One process: how it is built, what it watches, and what it has to look at."""

    name: str
    factory: Callable[[], Reconciler]
    kinds: tuple[Kind, ...]
    process: Reconciler | None = None
    starts: int = 0
    reconciles: int = 0
    ready: set[Key] = field(default_factory=set)
    planned: dict[Key, datetime] = field(default_factory=dict)
    failures: dict[Key, int] = field(default_factory=dict)
    recent: deque[tuple[datetime, Key]] = field(default_factory=deque)


class Engine:
    """Components in a world. ``await run(...)`` on any asyncio loop; no real time passes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.components: dict[str, Component] = {}
        self.failures: list[Failure] = []
        self.crashes: list[tuple[datetime, str]] = []
        self.receiver: Receiver | None = None
        self.receiver_failures: list[tuple[datetime, Exception]] = []
        self._order = random.Random(f"order/{world.seed}")
        self._next_post = world.clock.now()
        world.api.store.watch(self._notice)

    def add(self, name: str, factory: Callable[[], Reconciler], *, kinds: Sequence[Kind] = (INCIDENT,)) -> None:
        """Run a process. ``factory`` is called again after each crash: nothing it kept in memory survives."""
        self.components[name] = Component(name, factory, tuple(kinds))
        self.start(name)
        self.world.clock.after(_RESYNC_SECONDS, lambda: self._resync(name))

    def start(self, name: str) -> None:
        """Start a process (again); it lists what it watches first."""
        component = self.components[name]
        component.process = component.factory()
        component.starts += 1
        self._list(component)

    def stop(self, name: str) -> None:
        """Take a process away, with everything in its memory; it misses all events."""
        component = self.components[name]
        component.process = None
        for memory in (component.ready, component.planned, component.failures, component.recent):
            memory.clear()

    async def run(self, *, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Go on for that long, or until ``until`` holds. Answers whether it holds."""
        clock = self.world.clock
        deadline = clock.now() + timedelta(seconds=seconds)
        while True:
            if until is not None and until():
                return True
            if await self._post() or await self._work():
                continue
            due = min(filter(None, (clock.agenda.next_due(), self._next_planned())), default=deadline)
            if due > deadline:
                clock.advance_to(deadline)
                return until is not None and until()
            clock.advance_to(due)

    def _notice(self, event: WatchEvent) -> None:
        for component in self.components.values():
            if component.process is None or event.kind not in component.kinds:
                continue
            deliveries = self.world.faults.deliveries
            times = 1 if deliveries is None else deliveries(component.name, event)
            if times:
                component.ready.add(event.key)
            for repeat in range(1, times):
                self._plan(component, event.key, repeat * _REDELIVERY_SECONDS)

    def _list(self, component: Component) -> None:
        for kind in component.kinds:
            for obj in self.world.api.store.scan(kind):
                component.ready.add((namespace_of(obj) or "", name_of(obj)))

    def _resync(self, name: str) -> None:
        component = self.components[name]
        if component.process is not None:
            self._list(component)
        self.world.clock.after(_RESYNC_SECONDS, lambda: self._resync(name))

    def _next_planned(self) -> datetime | None:
        due = [when for component in self.components.values() for when in component.planned.values()]
        if self._may_post():
            due.append(self._next_post)
        return min(due, default=None)

    def _plan(self, component: Component, key: Key, seconds: float) -> None:
        due = self.world.clock.now() + timedelta(seconds=seconds)
        component.planned[key] = min(due, component.planned.get(key, due))

    async def _work(self) -> bool:
        """Reconcile one object of one component; whether there was any."""
        now = self.world.clock.now()
        for component in self.components.values():
            for key in [key for key, due in component.planned.items() if due <= now]:
                del component.planned[key]
                component.ready.add(key)
        choices = [(c, key) for c in self.components.values() if c.process is not None for key in sorted(c.ready)]
        if not choices:
            return False
        component, key = self._order.choice(choices)
        component.ready.discard(key)
        await self._reconcile(component, key)
        return True

    async def _reconcile(self, component: Component, key: Key) -> None:
        process = component.process
        if process is None:
            return
        self._mind_livelock(component, key)
        component.reconciles += 1
        try:
            again = await process.reconcile(*key)
        except Crash:
            self._crashed(component)
            return
        except errors.IncidentCommanderError as error:
            tries = component.failures[key] = component.failures.get(key, 0) + 1
            self.failures.append(Failure(self.world.clock.now(), component.name, key, error))
            wait = min(_LONGEST_RETRY_SECONDS, _FIRST_RETRY_SECONDS * 2.0 ** (tries - 1))
            self._plan(component, key, error.retry_after if isinstance(error, errors.Throttled) else wait)
            return
        component.failures.pop(key, None)
        if again is not None:
            self._plan(component, key, again)

    def _crashed(self, component: Component) -> None:
        self.crashes.append((self.world.clock.now(), component.name))
        self.stop(component.name)
        self.world.clock.after(_RESTART_SECONDS, lambda: self.start(component.name))

    def _mind_livelock(self, component: Component, key: Key) -> None:
        now = self.world.clock.now()
        component.recent.append((now, key))
        while (now - component.recent[0][0]).total_seconds() > _BUSY_WINDOW_SECONDS:
            component.recent.popleft()
        if sum(recent == key for _, recent in component.recent) > _BUSY_LIMIT:
            raise Livelock(f"{component.name} worked {_BUSY_LIMIT} times on {'/'.join(key)} within 10 s: it spins")

    def _may_post(self) -> bool:
        return self.receiver is not None and bool(self.world.alertmanager.outbox)

    async def _post(self) -> bool:
        """Post the next notification of Alertmanager; whether that succeeded."""
        if self.receiver is None or not self._may_post() or self.world.clock.now() < self._next_post:
            return False
        payload = self.world.alertmanager.outbox[0]
        try:
            await self.receiver(payload)
        except (errors.IncidentCommanderError, Crash) as error:
            shown = error if isinstance(error, Exception) else RuntimeError("the gateway crashed")
            self.receiver_failures.append((self.world.clock.now(), shown))
            self._next_post = self.world.clock.now() + timedelta(seconds=_REDELIVERY_SECONDS)
            return False
        self.world.alertmanager.outbox.popleft()
        return True
