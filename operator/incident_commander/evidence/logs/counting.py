"""Counters of templates and failures, with the lines that stand for them."""

from __future__ import annotations

from dataclasses import dataclass

from incident_commander.evidence.lines import clean_line
from incident_commander.evidence.logs.failure_kinds import FailureKind
from incident_commander.evidence.logs.failures import Failure
from incident_commander.evidence.logs.summary import FailureCount, Occurrence, Template
from incident_commander.evidence.logs.templates import Shape
from incident_commander.evidence.logs.times import time_in


@dataclass(slots=True)
class Seen:
    """A line as it was read."""

    number: int
    numbered: bool
    line: bytes

    def occurrence(self) -> Occurrence:
        """For the summary."""
        shown = clean_line(self.line.decode("utf-8", "replace"))
        return Occurrence(self.number if self.numbered else None, shown, time_in(self.line), self.number)


class Counted:
    """One template's count. ``trace_of``: number of the record whose trace is kept; 0 while there is none."""

    __slots__ = ("cause", "count", "first", "last_line", "last_number", "last_numbered", "shape", "trace", "trace_of")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.count = 0
        self.first: Seen | None = None
        self.last_number = 0
        self.last_numbered = True
        self.last_line = b""
        self.trace: list[str] = []
        self.trace_of = 0
        self.cause = ""

    def template(self, minutes: float) -> Template:
        """For the summary. ``minutes``: that the whole log covers."""
        first = self.first or Seen(self.last_number, self.last_numbered, self.last_line)
        return Template(
            text=clean_line(self.shape.text),
            level=self.shape.level,
            count=self.count,
            first=first.occurrence(),
            last=Seen(self.last_number, self.last_numbered, self.last_line).occurrence(),
            trace=tuple(self.trace),
            cause=self.cause,
            per_minute=self.count / minutes if minutes > 0 else None,
        )


class Failures:
    """Counts each failure once a record; of a record's several lines about one, the line that names most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: dict[Failure, list[Seen]] = {}
        self._counts: dict[Failure, int] = {}
        self._record = 0
        self._of_record: list[Failure] = []
        self.left_out = 0

    def add(self, failure: Failure, record: int, seen: Seen) -> None:
        """A line of the record that begins at line ``record`` tells of a failure."""
        if record != self._record:
            self._record, self._of_record = record, []
        for told in self._of_record:
            if told == failure or (told.kind is failure.kind and not failure.dependency) or _only_says_that(failure):
                return
        for told in list(self._of_record):
            if (told.kind is failure.kind and not told.dependency) or _only_says_that(told):
                self._take_back(told)
        if failure not in self._counts and len(self._counts) >= self._most:
            self.left_out += 1
            return
        self._of_record.append(failure)
        self._counts[failure] = self._counts.get(failure, 0) + 1
        kept = self._seen.setdefault(failure, [seen, seen])
        kept[1] = seen

    def counts(self) -> tuple[FailureCount, ...]:
        """Most frequent first."""
        found = [
            FailureCount(failure, count, self._seen[failure][0].occurrence(), self._seen[failure][1].occurrence())
            for failure, count in self._counts.items()
        ]
        return tuple(sorted(found, key=lambda f: (-f.count, f.first.line or 0, f.failure.kind, f.failure.dependency)))

    def _take_back(self, failure: Failure) -> None:
        self._of_record.remove(failure)
        self._counts[failure] -= 1
        if not self._counts[failure]:
            del self._counts[failure], self._seen[failure]


def _only_says_that(failure: Failure) -> bool:
    """Whether it says no more than that something is not available: any other line of the record says why."""
    return failure.kind is FailureKind.UNAVAILABLE and not failure.dependency
