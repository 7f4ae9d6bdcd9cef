"""What is due when: the heart of the discrete-event simulation."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import datetime

Callback = Callable[[], None]


class Agenda:
    """Callbacks at virtual times. Of those due at the same time, the first to be put in goes first."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Callback]] = []
        self._serial = itertools.count()

    def at(self, due: datetime, callback: Callback) -> None:
        """Call ``callback`` once when ``due`` has come."""
        heapq.heappush(self._heap, (due, next(self._serial), callback))

    def next_due(self) -> datetime | None:
        """The time of the first entry, or None."""
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: datetime) -> Callback | None:
        """Take out the first entry that is due, or None."""
        if self._heap and self._heap[0][0] <= now:
            return heapq.heappop(self._heap)[2]
        return None
