"""Answers of the API server, kept for some seconds and asked for once at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from incident_commander.ports import Clock

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Remembered(Generic[_K, _V]):
    """At most ``size`` values; the least recently used one is forgotten first.

    ``seconds`` says how long a value is good for (0: only for those who ask at the same time).
    """

    def __init__(self, clock: Clock, size: int, seconds: Callable[[_V], float]) -> None:
        self._clock = clock
        self._size = size
        self._seconds = seconds
        self._values: OrderedDict[_K, tuple[datetime, _V]] = OrderedDict()
        self._asking: dict[_K, asyncio.Task[_V]] = {}

    def knows(self, key: _K) -> bool:
        """Whether an answer needs no further request: it is remembered, or being asked for."""
        found = self._values.get(key)
        return key in self._asking or (found is not None and self._clock.now() < found[0])

    def peek(self, key: _K) -> _V | None:
        """The remembered value, or None."""
        found = self._values.get(key)
        return found[1] if found is not None and self._clock.now() < found[0] else None

    async def get(self, key: _K, ask: Callable[[], Awaitable[_V]]) -> _V:
        """The remembered value, or what ``ask`` answers. Its errors reach all who wait, and are not remembered."""
        found = self._values.get(key)
        if found is not None and self._clock.now() < found[0]:
            self._values.move_to_end(key)
            return found[1]
        task = self._asking.get(key)
        if task is None:
            task = asyncio.ensure_future(self._ask(key, ask))
            self._asking[key] = task
            task.add_done_callback(_retrieved)
        return await asyncio.shield(task)

    def forget(self, key: _K) -> None:
        """Ask again next time."""
        self._values.pop(key, None)

    def put(self, key: _K, value: _V) -> None:
        """Remember what was asked for otherwise."""
        seconds = self._seconds(value)
        if seconds <= 0:
            return
        self._values[key] = (self._clock.now() + timedelta(seconds=seconds), value)
        self._values.move_to_end(key)
        if len(self._values) > self._size:
            self._values.popitem(last=False)

    async def _ask(self, key: _K, ask: Callable[[], Awaitable[_V]]) -> _V:
        try:
            value = await ask()
        finally:
            del self._asking[key]
        self.put(key, value)
        return value


def _retrieved(task: asyncio.Task[_V]) -> None:
    """Whoever asked may have gone away: then nobody is left to be told of the error."""
    if not task.cancelled():
        task.exception()
