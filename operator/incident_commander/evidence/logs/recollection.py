"""What lines are, remembered: most differ from one that was read before only in digits.

What a line is, is kept by the line without its digits (and long hexadecimal numbers), and only what is new is taken
apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from incident_commander.evidence.logs.counting import Counted
from incident_commander.evidence.logs.failures import Failure, failure_in
from incident_commander.evidence.logs.heads import Head, Kind, head_of, is_binary
from incident_commander.evidence.logs.levels import Level
from incident_commander.evidence.logs.summary import Limits
from incident_commander.evidence.logs.templates import Miner

_DROPPED = b"0123456789\r\n"
_HEX = re.compile(rb"[0-9a-fA-F-]{16,}")
_STATUS = re.compile(rb'(?:HTTP/[\d.]+"? |status[\w]*"?[=: ] ?"?|code"?[=: ] ?|"level": ?)([1-6])\d\d?\b')
_ADDRESS = re.compile(rb"\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|[:=]\d{2,5}\b|port \d+")


class Line:
    """What a line is, digits aside."""

    __slots__ = ("counted", "failure", "head", "varies")

    def __init__(self, head: Head, counted: Counted | None, failure: Failure | None, varies: re.Pattern[bytes] | None):
        self.head = head
        self.counted = counted
        self.failure = failure
        self.varies = varies
        """Digits that do matter: a status, a level, an address."""


_UNREADABLE = Line(Head(Kind.UNREADABLE), None, None, None)


class Recollection:
    """Tells what lines are, and counts their templates."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._miner = Miner(limits.templates)
        self._counted: dict[int, Counted] = {}
        self._memory: dict[bytes | tuple[bytes, bytes], Line] = {}
        self._memory_bytes = 0

    def counted(self) -> Iterable[Counted]:
        """All templates so far."""
        return self._counted.values()

    def recall(self, line: bytes) -> Line:
        """What a line is, its template included."""
        key = line.translate(None, _DROPPED)
        found = self._memory.get(key)
        if found is None:
            if is_binary(line):
                return _UNREADABLE
            plain = _HEX.sub(b"", line).translate(None, _DROPPED)
            found = self._memory.get(plain)
            if found is None:
                found = self._read(line)
                self._remember(plain, found)
        if found.varies is not None:
            digits = b" ".join(found.varies.findall(line))
            varied = self._memory.get((key, digits))
            if varied is None:
                varied = self._read(line)
                varied.varies = None
                self._remember((key, digits), varied)
            return varied
        return found

    def _read(self, line: bytes) -> Line:
        line = line.rstrip(b"\r\n")
        head = head_of(line)
        varies = _STATUS if _STATUS.search(line) else None
        failure = None
        if head.message and head.level not in (Level.TRACE, Level.DEBUG, Level.INFO):
            shown = head.message.decode("utf-8", "replace")
            failure = next((f for text in (shown, *head.trace) if (f := failure_in(text)) is not None), None)
            if failure is not None and varies is None and failure.dependency and _ADDRESS.search(line):
                varies = _ADDRESS
        counted = self.count(head) if head.kind in (Kind.START, Kind.THROWN, Kind.CALL, Kind.TRACEBACK) else None
        return Line(head, counted, failure, varies)

    def count(self, head: Head, level: Level | None = None) -> Counted | None:
        """The template of a record with this head; None when there is no room for a new one."""
        shape = self._miner.shape_of(head.message, head.level if level is None else level)
        if shape is None:
            return None
        counted = self._counted.get(shape.number)
        if counted is None:
            counted = self._counted[shape.number] = Counted(shape)
        return counted

    def _remember(self, key: bytes | tuple[bytes, bytes], found: Line) -> None:
        size = len(key) if isinstance(key, bytes) else len(key[0]) + len(key[1])
        self._memory_bytes += size + 200
        if len(self._memory) >= self._limits.remembered or self._memory_bytes > self._limits.remembered_bytes:
            self._memory.clear()
            self._memory_bytes = size + 200
        self._memory[key] = found
