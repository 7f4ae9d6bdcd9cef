"""The calls of one gathering: so many at a time, so many in all, and until a deadline."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from incident_commander.errors import ClusterError, Forbidden, LogsUnavailable, MetricsUnavailable
from incident_commander.evidence.gaps import Gaps
from incident_commander.evidence.scope import Limits
from incident_commander.ports import Clock

_T = TypeVar("_T")


_USER = re.compile(r'[Uu]ser "(?P<user>[^"]+)" cannot (?P<verb>[a-z]+)')


def _refusal(error: Forbidden) -> str:
    """In the same words for all that one user may not do, so that they become one gap."""
    said = _USER.search(str(error))
    return f"Forbidden: user {said['user']} may not {said['verb']} this" if said else f"{error.reason}: {error}"


class Calls:
    """What is refused, late, or over the bounds becomes a gap."""

    def __init__(self, clock: Clock, limits: Limits, gaps: Gaps) -> None:
        self._clock, self._limits, self._gaps = clock, limits, gaps
        self.started = clock.now()
        self._deadline = asyncio.get_running_loop().time() + limits.seconds
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._made = 0

    async def ask(self, what: str, call: Callable[[], Awaitable[_T]]) -> _T | None:
        """One call within the bounds, or None and a gap."""
        async with self._slots:
            if self._made >= self._limits.calls:
                self._gaps.add(f"not asked, the bound of {self._limits.calls} calls is reached", what)
                return None
            if self._late(self._clock.now()):
                self._gaps.add(f"not asked, the {self._limits.seconds:g} s for gathering are over", what)
                return None
            self._made += 1
            try:
                async with asyncio.timeout_at(self._deadline):
                    return await call()
            except TimeoutError:
                self._gaps.add(f"no answer within {self._limits.seconds:g} s", what)
            except Forbidden as error:
                self._gaps.add(_refusal(error), what)
            except ClusterError as error:
                self._gaps.add(f"{error.reason}: {error}" if error.status else str(error), what)
            except (LogsUnavailable, MetricsUnavailable) as error:
                self._gaps.add(str(error), what)
            return None

    def seconds_left(self) -> float:
        """Until the deadline, of real time."""
        return self._deadline - asyncio.get_running_loop().time()

    def _late(self, now: datetime) -> bool:
        """By the port's clock: in a rehearsal a slow answer takes no real time."""
        return now - self.started > timedelta(seconds=self._limits.seconds)
