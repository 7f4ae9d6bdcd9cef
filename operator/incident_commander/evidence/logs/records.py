"""From lines to records: which lines belong together, and what each record is counted as."""

from __future__ import annotations

import re
from dataclasses import replace

from incident_commander.evidence.lines import clean_line
from incident_commander.evidence.logs import levels
from incident_commander.evidence.logs.counting import Counted, Failures, Seen
from incident_commander.evidence.logs.failures import failure_in
from incident_commander.evidence.logs.heads import Head, Kind
from incident_commander.evidence.logs.levels import Level
from incident_commander.evidence.logs.reading import Skipped
from incident_commander.evidence.logs.recollection import Line, Recollection
from incident_commander.evidence.logs.summary import Limits, LogSummary, Unread
from incident_commander.evidence.logs.times import time_in

_CAUSED = re.compile(r"(?:Caused by: |---> )(.+)")


class _State:
    """Where in a stack trace the reading is."""

    __slots__ = ()
    NONE, PYTHON, HELD, PANIC, CATEGORY = range(5)


class Records:
    """Takes lines in order. ``add`` answers False when no more may be read."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._recollection = Recollection(limits)
        self._failures = Failures(limits.failures)
        self._levels = dict.fromkeys(Level, 0)
        self._number = 0
        self._bytes = 0
        self._numbered = True
        self._state = _State.NONE
        self._held: list[bytes] = []
        self._again = False
        """After "During handling of the above exception": the next traceback belongs to the same record."""
        self._current: Counted | None = None
        self._record = 0
        """Number of the current record's first line."""
        self._opened = 0
        """The same, or of the traceback before it that belongs to it."""
        self._held_from = 0
        self._level = Level.UNKNOWN
        self._skipped = self._cut = self._cut_bytes = self._binary = self._untemplated = 0
        self._stopped = False

    def skip(self, skipped: Skipped) -> None:
        """Something is missing here."""
        if skipped.within_line:
            self._cut += 1
            self._cut_bytes += skipped.bytes
        else:
            self._skipped += skipped.bytes
            self._numbered = False
            self._state, self._current = _State.NONE, None

    def add(self, line: bytes) -> bool:
        """One line."""
        if self._bytes >= self._limits.total_bytes:
            self._stopped = True
            return False
        self._number += 1
        self._bytes += len(line)
        if len(line) > self._limits.line_bytes:
            self._cut += 1
            self._cut_bytes += len(line) - self._limits.line_bytes
            line = line[: self._limits.line_bytes]
        found = self._recollection.recall(line)
        kind = found.head.kind
        if self._state is not _State.NONE:
            kind = self._kind_within(found, line)
        if kind == Kind.START:
            self._begin(found, line)
        else:
            self._continue(found, kind, line)
        return True

    @property
    def first_of_its_kind(self) -> tuple[int, Level]:
        """Where the current record begins and its level, if it is the first of its template; else 0."""
        current = self._current
        first = current is not None and current.first is not None and current.first.number == self._record
        return (self._opened, self._level) if first else (0, Level.UNKNOWN)

    def _seen(self, line: bytes) -> Seen:
        return Seen(self._number, self._numbered, line)

    def _begin(self, found: Line, line: bytes) -> None:
        head, counted = found.head, found.counted
        level = head.level
        self._record = self._opened = self._number
        self._level = level
        self._levels[level] += 1
        self._current = counted
        if counted is None:
            self._untemplated += 1
        else:
            counted.count += 1
            if counted.count == 1:
                counted.first = self._seen(line)
            counted.last_number, counted.last_line, counted.last_numbered = self._number, line, self._numbered
            if head.trace and not counted.trace:
                counted.trace_of = self._number
                counted.trace = list(head.trace)
                counted.cause = next((m[1] for t in reversed(head.trace) if (m := _CAUSED.match(t))), "")
        if found.failure is not None:
            self._failures.add(found.failure, self._record, self._seen(line))
        self._state = _State.PANIC if head.panics else _State.NONE

    def _kind_within(self, found: Line, line: bytes) -> Kind:
        """The line's kind, given that a stack trace is being read."""
        kind = found.head.kind
        if self._state == _State.CATEGORY:
            self._state = _State.NONE
            if kind == Kind.INDENTED:
                head = replace(found.head, level=self._level)
                self._begin(Line(head, self._recollection.count(head), found.failure, None), line)
                return Kind.BLANK
        elif self._state == _State.PYTHON and kind in (Kind.START, Kind.THROWN, Kind.CALL):
            self._state = _State.NONE
            self._cause(found.head.message)
            return Kind.CONTINUED
        elif self._state == _State.HELD and kind in (Kind.START, Kind.THROWN, Kind.CALL):
            self._state = _State.NONE
            head = replace(found.head, level=max(found.head.level, Level.ERROR))
            failure = found.failure or failure_in(head.message.decode("utf-8", "replace"))
            self._begin(Line(head, self._recollection.count(head), failure, None), line)
            self._opened = self._held_from
            self._keep_trace(self._held)
            self._held = []
            return Kind.BLANK
        elif self._state == _State.PANIC:
            if kind == Kind.START and not levels.level_of(found.head.message) and not time_in(line[:40]):
                return Kind.CONTINUED
            if kind == Kind.CALL:
                return Kind.CONTINUED
            if kind in (Kind.START, Kind.THROWN):
                self._state = _State.NONE
        return kind

    def _continue(self, found: Line, kind: Kind, line: bytes) -> None:
        if kind == Kind.BLANK:
            return
        if kind == Kind.UNREADABLE:
            self._binary += 1
            return
        near = self._current is not None and self._level >= Level.WARN and self._number == self._record + 1
        if kind == Kind.CATEGORY:
            self._level, self._state, self._current = found.head.level, _State.CATEGORY, None
            return
        if kind == Kind.CALL or (kind == Kind.THROWN and (found.head.panics or not near)):
            self._begin(found, line)
            return
        if kind == Kind.TRACEBACK:
            if near or self._again:
                self._again = False
                self._state = _State.PYTHON
            else:
                self._state, self._held, self._current = _State.HELD, [], None
                self._held_from = self._number
        if self._state == _State.HELD:
            if len(self._held) < self._limits.trace_lines:
                self._held.append(line)
            return
        if self._current is None:
            if kind in (Kind.INDENTED, Kind.CONTINUED) and self._number != self._record + 1:
                return
            self._begin(Line(found.head, self._recollection.count(found.head), found.failure, None), line)
            return
        self._attach(found, kind, line)

    def _attach(self, found: Line, kind: Kind, line: bytes) -> None:
        if kind == Kind.THROWN or found.head.message.startswith((b"Caused by: ", b"---> ")):
            self._cause(found.head.message)
        self._keep_trace([line])
        self._again = found.head.message.startswith((b"During handling of", b"The above exception"))
        if found.failure is not None and (self._level >= Level.WARN or self._level == Level.UNKNOWN):
            self._failures.add(found.failure, self._record, self._seen(line))

    def _keep_trace(self, lines: list[bytes]) -> None:
        counted = self._current
        if counted is None:
            return
        if counted.trace_of == 0:
            counted.trace_of = self._record
        room = self._limits.trace_lines - len(counted.trace)
        if counted.trace_of == self._record and room > 0:
            counted.trace += [clean_line(line.decode("utf-8", "replace")) for line in lines[:room]]

    def _cause(self, message: bytes) -> None:
        counted = self._current
        if counted is not None and counted.trace_of in (0, self._record):
            text = clean_line(message.decode("utf-8", "replace"))
            found = _CAUSED.match(text)
            counted.cause = found[1] if found else text

    def summary(self) -> LogSummary:
        """What was read so far."""
        if self._state == _State.HELD and self._held:
            self._state = _State.NONE
            head = Head(Kind.START, Level.ERROR, self._held[0].strip())
            self._begin(Line(head, self._recollection.count(head), None, None), self._held[0])
            self._keep_trace(self._held[1:])
        firsts = [c.first.line for c in self._recollection.counted() if c.first is not None]
        lasts = [c.last_line for c in self._recollection.counted() if c.count]
        times = [t for t in map(time_in, [*firsts, *lasts]) if t is not None]
        first_at, last_at = (min(times), max(times)) if times else (None, None)
        minutes = (last_at - first_at).total_seconds() / 60 if first_at and last_at else 0.0
        counted = [c for c in self._recollection.counted() if c.count and c.first is not None]
        templates = {c.shape.number: c.template(minutes) for c in counted}
        errors = [c for c in counted if c.shape.level >= Level.ERROR]
        first = min(errors, key=lambda c: c.first.number if c.first else 0, default=None)
        return LogSummary(
            lines=self._number,
            bytes=self._bytes,
            records=sum(self._levels.values()),
            levels={level: count for level, count in self._levels.items() if count},
            templates=tuple(sorted(templates.values(), key=lambda t: (-t.level, -t.count, t.text))),
            failures=self._failures.counts(),
            first_error=templates[first.shape.number] if first is not None else None,
            first_at=first_at,
            last_at=last_at,
            unread=Unread(
                skipped_bytes=self._skipped,
                stopped=self._stopped,
                cut_lines=self._cut,
                cut_bytes=self._cut_bytes,
                binary_lines=self._binary,
                untemplated=self._untemplated,
                uncounted_failures=self._failures.left_out,
            ),
        )
