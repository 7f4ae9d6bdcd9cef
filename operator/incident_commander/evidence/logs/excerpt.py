"""What is kept of a log: all of a short one; of a long one its start, its end, and between them the first record of
each kind, with its stack trace, and the last of each kind of warning and error.

One pass, in bounded memory. Lines keep the numbers that they have in the log.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from incident_commander.evidence.lines import MAX_LINE, clean_line
from incident_commander.evidence.logs.heads import is_binary
from incident_commander.evidence.logs.levels import Level
from incident_commander.evidence.logs.reading import Skipped
from incident_commander.evidence.logs.records import Records
from incident_commander.evidence.logs.summary import Limits, Occurrence
from incident_commander.evidence.structured import LARGEST

_START = 100
"""Lines of the start: versions, settings, ports."""
_LONGEST = 4 * MAX_LINE
"""Bytes of a line that are looked at when it is cleaned."""
_TRACE = 40
"""Lines of one record that are kept."""
_LIMITS = Limits(line_bytes=32 * 1024, remembered_bytes=16 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class Room:
    """How much of a log is kept: the last ``lines``, at most ``bytes`` of them, and half as much from before."""

    lines: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """``numbers``: of each of the ``lines``, counted from 1; 0 behind something that was not read."""

    lines: tuple[str, ...]
    numbers: tuple[int, ...]
    total: int
    """Lines that were read."""
    left_out: int
    """Of those, how many were only counted."""
    skipped_bytes: int
    binary: int
    """Lines that are not text in UTF-8; none of them is kept."""
    cut: int
    """Kept lines whose end is missing."""


def excerpt(lines: Iterable[bytes | Skipped], room: Room) -> Excerpt:
    """Reads the lines once. Never raises on what they hold."""
    kept = _Kept(room)
    for line in lines:
        if isinstance(line, Skipped):
            kept.skip(line)
        else:
            kept.add(line)
    return kept.excerpt()


def _shorter(line: bytes) -> bytes:
    """A JSON record keeps its messages, wherever they stand; of other lines the beginning is looked at."""
    record = len(line) <= LARGEST and line.lstrip()[:1] == b"{"
    return clean_line(line.decode("utf-8", "replace")).encode() if record else line[:_LONGEST]


class _Budget:
    """Lines that may still be noted."""

    def __init__(self, lines: int, size: int) -> None:
        self._lines, self._bytes = lines, size

    def spend(self, size: int) -> bool:
        """Whether there was room."""
        if self._lines < 1 or self._bytes < size:
            return False
        self._lines, self._bytes = self._lines - 1, self._bytes - size
        return True


class _Kept:
    def __init__(self, room: Room) -> None:
        self._room = room
        self._records: Records | None = None
        self._read = self._skipped = self._binary = self._blank = 0
        self._numbered_to: int | None = None
        self._tail: deque[tuple[int, bytes]] = deque()
        self._tail_bytes = 0
        self._before: dict[int, bytes] = {}
        self._noted: set[int] = set()
        self._noted_to = 0
        part = room.bytes // 10
        self._start = _Budget(_START, part)
        self._worse = _Budget(room.lines // 4, 2 * part)
        self._others = _Budget(room.lines // 20, part)
        self._lasts = _Budget(room.lines // 10, part)

    def skip(self, skipped: Skipped) -> None:
        if skipped.within_line:
            return
        self._skipped += skipped.bytes
        if self._numbered_to is None:
            self._numbered_to = self._read
        if self._records is not None:
            self._records.skip(skipped)

    def add(self, line: bytes) -> None:
        self._read += 1
        if self._records is not None:
            self._note(self._records, self._read, line)
        if is_binary(line):
            self._binary += 1
        elif not line or line.isspace():
            self._blank += 1
        else:
            kept = line if len(line) <= _LONGEST else _shorter(line)
            self._tail.append((self._read, kept))
            self._tail_bytes += len(kept)
            if len(self._tail) > self._room.lines or self._tail_bytes > self._room.bytes:
                self._make_room()

    def _make_room(self) -> None:
        """The oldest line of the tail goes; nothing is taken apart before the first does."""
        if self._records is None:
            self._records = Records(_LIMITS)
            at = 0
            for number, line in self._tail:
                for _ in range(number - at - 1):
                    self._records.add(b"")
                at = number
                self._note(self._records, number, line)
        while self._tail and (len(self._tail) > self._room.lines or self._tail_bytes > self._room.bytes):
            number, line = self._tail.popleft()
            self._tail_bytes -= len(line)
            if number in self._noted or (number <= _START and self._start.spend(len(line))):
                self._before[number] = line
                self._noted.discard(number)

    def _note(self, records: Records, number: int, line: bytes) -> None:
        records.add(line)
        opened, level = records.first_of_its_kind
        if not opened:
            return
        if level < Level.WARN:
            if opened == number and self._others.spend(len(line)):
                self._noted.add(number)
            return
        for one in range(max(opened, self._noted_to + 1), min(number, opened + _TRACE) + 1):
            if self._worse.spend(min(len(line), _LONGEST)):
                self._noted.add(one)
        self._noted_to = number

    def excerpt(self) -> Excerpt:
        """What was kept so far."""
        found = {number: line.decode("utf-8", "replace") for number, line in self._before.items()}
        begins = self._tail[0][0] if self._tail else 0
        for last in self._told(self._records) if self._records is not None else ():
            if 0 < last.place < begins and last.place not in found and self._lasts.spend(len(last.text)):
                found[last.place] = last.text
        found |= {number: line.decode("utf-8", "replace") for number, line in self._tail}
        legible = [(number, line) for number, line in sorted(found.items()) if line.count("\ufffd") * 3 <= len(line)]
        cleaned = [(number, text, len(line) > MAX_LINE) for number, line in legible if (text := clean_line(line))]
        numbered = self._numbered_to if self._numbered_to is not None else self._read
        return Excerpt(
            lines=tuple(text for _, text, _ in cleaned),
            numbers=tuple(number if number <= numbered else 0 for number, _, _ in cleaned),
            total=self._read,
            left_out=self._read - len(found) - self._blank - self._binary,
            skipped_bytes=self._skipped,
            binary=self._binary + len(found) - len(legible),
            cut=sum(cut for _, _, cut in cleaned),
        )

    @staticmethod
    def _told(records: Records) -> Iterable[Occurrence]:
        """Of each failure the first and the last line, of each kind of warning and error the last."""
        summary = records.summary()
        for failure in summary.failures:
            yield from (failure.first, failure.last)
        yield from (template.last for template in summary.templates if template.level >= Level.WARN)
