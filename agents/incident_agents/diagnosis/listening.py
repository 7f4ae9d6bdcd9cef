"""What a log says, read once from end to end: lines that differ in digits alone are one remark, however often made.

Analysers search remarks instead of lines, so the work depends on how much there is to tell, not on how long a log is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from incident_agents.diagnosis.quoting import own_words
from incident_commander.evidence.evidence import Log
from incident_commander.evidence.logs.times import names_zone, time_in

SEARCHED = 2000
"""Characters of a line that are searched."""

LATELY = timedelta(minutes=30)
"""What was said longer before the end of its log is over, when the log goes on without it."""

OVER = 0.05
"""Recency of what is over, but for what a program says with its last words."""

STALE = timedelta(days=1)
"""What a pod that is well said that long ago is over, though it said nothing since: longer than any clock's zone."""

PASSED = timedelta(minutes=5)
"""What a pod said that long ago is over, when it is known to have done its work without errors since."""

_DIGITS = b"0123456789"
_IDS = re.compile(rb"[0-9a-fA-F-]{16,}")
_STATUS = re.compile(rb"(?<![\w.])[1-5]\d\d(?![\w.])")
_OF_REQUESTS = (b"HTTP", b"http", b"status", b"code")
"""In such lines a number of three digits may tell what went well from what did not."""
_TIMED = 40
"""Lines of one record, at most: a stack trace has the time of the line above it."""
_LATEST, _EARLIEST = 1500, 200
"""Of a log that says ever new things: how many of its remarks are searched, those made last and those made first."""
_SHORTEST = timedelta(seconds=10)
"""In a shorter log times tell no more than the order of the lines."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is listened for. Every match holds one of the ``pieces`` (lower case): to look for them first is cheap."""

    pattern: re.Pattern[str]
    pieces: tuple[str, ...]

    def match(self, line: str) -> re.Match[str] | None:
        """In what the program says itself, not in what it quotes."""
        found = self.pattern.search(line[:SEARCHED])
        return found if found is not None and self.pattern.search(own_words(line[:SEARCHED])) is not None else None


@dataclass(frozen=True, slots=True)
class Remark:
    """Lines of one log that are the same but for digits and long hexadecimal numbers."""

    places: Sequence[int]
    """Where they stand in the log, in order."""
    line: str
    """The last one."""
    low: str
    """The same in lower case."""

    @property
    def count(self) -> int:
        """How often it is said."""
        return len(self.places)

    @property
    def last(self) -> int:
        """Where the last one stands."""
        return self.places[-1]


class Listened:
    """One log. ``since``: what was said before is over, whatever came after.

    ``passed`` is the same, nearer than clocks of different zones are: it counts for times that name their zone.
    """

    def __init__(self, log: Log, since: datetime | None = None, passed: datetime | None = None) -> None:
        self.log = log
        self._since = since
        self._passed = passed

    @cached_property
    def remarks(self) -> tuple[Remark, ...]:
        """In the order in which each was made for the last time."""
        by_shape: dict[tuple[bytes, ...], list[int]] = {}
        known: dict[bytes, bytes] = {}
        for place, line in enumerate(self.log.lines):
            raw = line.encode("utf-8", "replace")
            key = raw.translate(None, _DIGITS)
            shape = known.get(key)
            if shape is None:
                shape = known[key] = _IDS.sub(b"", raw).translate(None, _DIGITS)
            statuses = _STATUS.findall(raw) if any(word in raw for word in _OF_REQUESTS) else ()
            by_shape.setdefault((shape, *statuses), []).append(place)
        lines = self.log.lines
        chosen = list(by_shape.values())
        if len(chosen) > _LATEST + _EARLIEST:
            first, rest = chosen[:_EARLIEST], chosen[_EARLIEST:]
            chosen = first + sorted(rest, key=lambda places: places[-1])[-_LATEST:]
        ordered = sorted(chosen, key=lambda places: places[-1])
        return tuple(Remark(p, lines[p[-1]], lines[p[-1]][:SEARCHED].lower()) for p in ordered)

    @property
    def searched(self) -> int:
        """Lines of the log that are searched: all, but of one that says ever new things."""
        return sum(remark.count for remark in self.remarks)

    def holding(self, pieces: Sequence[str]) -> Iterator[Remark]:
        """The remarks with one of the pieces (lower case) in them."""
        return (remark for remark in self.remarks if any(piece in remark.low for piece in pieces))

    def heard(self, words: Words) -> list[Remark]:
        """The remarks that match."""
        return [remark for remark in self.holding(words.pieces) if words.match(remark.line)]

    def recency(self, place: int) -> float:
        """How late a line is, from 0 (over) to 1 (the last thing that is said).

        By the times in the log: its share of the last half-hour, or of the whole of a shorter log. Where there are
        none, its share of the lines.
        """
        ends, span = self._ends, self._span
        at = self._time(place) if ends is not None else None
        if at is not None and self._over(at, place):
            return 0.0
        if at is None or ends is None or span < _SHORTEST:
            return (place + 1) / len(self.log.lines)
        return min(1.0, max(0.0, 1 - (ends - at) / min(span, LATELY)))

    def _over(self, at: datetime, place: int) -> bool:
        if self._since is not None and at < self._since:
            return True
        if self._passed is None or at >= self._passed:
            return False
        lines = (self.log.lines[n] for n in self._above(place))
        return next((names_zone(_start(line)) for line in lines if _time_of(line) is not None), False)

    def _time(self, place: int) -> datetime | None:
        """Of the record that a line belongs to."""
        return next((at for n in self._above(place) if (at := _time_of(self.log.lines[n])) is not None), None)

    @staticmethod
    def _above(place: int) -> range:
        return range(place, max(-1, place - _TIMED), -1)

    @cached_property
    def _ends(self) -> datetime | None:
        return self._time(len(self.log.lines) - 1)

    @cached_property
    def _span(self) -> timedelta:
        starts = next((at for line in self.log.lines[:_TIMED] if (at := _time_of(line)) is not None), None)
        return self._ends - starts if starts is not None and self._ends is not None else timedelta(0)


def _time_of(line: str) -> datetime | None:
    return time_in(_start(line))


def _start(line: str) -> bytes:
    return line[:SEARCHED].encode("utf-8", "replace")
