"""Virtual time: it passes only when somebody sleeps or the engine has nothing left to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from incident_commander.rehearsal.agenda import Agenda

EPOCH = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""Where every rehearsal starts: a Monday morning."""


class VirtualClock:
    """``ports.Clock`` over an agenda: moving time on runs what is due on the way, in order."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self._now = start
        self.started = start
        self.agenda = Agenda()

    def now(self) -> datetime:
        """The virtual time, in UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Let the world go on for that long. No real time passes."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move time on, running what becomes due."""
        self.advance_to(self._now + timedelta(seconds=seconds))

    def advance_to(self, until: datetime) -> None:
        """Move time on to ``until``; a time that has passed already only runs what is due now."""
        while True:
            due = self.agenda.next_due()
            if due is None or due > until:
                break
            self._now = max(self._now, due)
            callback = self.agenda.pop_due(self._now)
            if callback is not None:
                callback()
        self._now = max(self._now, until)

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call ``callback`` once in ``seconds`` from now."""
        self.agenda.at(self._now + timedelta(seconds=seconds), callback)

    def elapsed(self) -> float:
        """Seconds since the start."""
        return (self._now - self.started).total_seconds()
