"""Waiting: always for something named, always with a deadline, and never silently; and what goes on meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")

_TELL_EVERY_SECONDS = 5.0


class Failure(Exception):
    """Something is not as it must be; the message says what was expected and what was found."""


class NotYet(Exception):
    """What is waited for is not there yet; the message says what is there instead."""


class Teller:
    """Prints lines with the time since the beginning, and who says it."""

    def __init__(self, who: str = "", since: float | None = None) -> None:
        self._who = who
        self._since = time.monotonic() if since is None else since

    def named(self, who: str) -> Teller:
        """The same clock, for another speaker."""
        return Teller(who, self._since)

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._since

    def __call__(self, text: str) -> None:
        who = f"{self._who}: " if self._who else ""
        print(f"[{self.elapsed():6.1f} s] {who}{text}", flush=True)


async def wait_for(what: str, ask: Callable[[], Awaitable[T]], *, seconds: float, say: Teller, every: float = 1.0) -> T:
    """The first answer of ``ask`` that is no ``NotYet``; says every few seconds what it still waits for.

    Raises ``Failure`` after so many seconds.
    """
    began = told = time.monotonic()
    while True:
        try:
            return await ask()
        except NotYet as error:
            seen = str(error)
        now = time.monotonic()
        if now - began >= seconds:
            raise Failure(f"waited {seconds:.0f} s for {what}; found: {seen}")
        if now - told >= _TELL_EVERY_SECONDS:
            say(f"waiting for {what} ({now - began:.0f} of {seconds:.0f} s): {seen}")
            told = now
        await asyncio.sleep(every)


@contextlib.asynccontextmanager
async def meanwhile(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Have something done from now until the end of the block, where it raises what made it end before."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
