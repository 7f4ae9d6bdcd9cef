"""What is told of a log: templates and counts, the first error, failures of dependencies, and what was not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from incident_commander.evidence.logs.failures import Failure
from incident_commander.evidence.logs.levels import Level


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that hold whatever the log is. Bytes are of the log's text."""

    templates: int = 1000
    """Of warnings and errors there is room for a quarter more, so that chatter does not crowd them out."""
    failures: int = 200
    remembered: int = 20_000
    """Different lines (digits aside) whose reading is remembered; beyond, all are read anew."""
    remembered_bytes: int = 24 * 1024 * 1024
    line_bytes: int = 64 * 1024
    total_bytes: int = 1024 * 1024 * 1024
    """After so many the rest is not read."""
    trace_lines: int = 30


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A line that can be looked up. ``line`` counts from 1; None after a gap, where numbers are not known.

    ``place`` counts the lines that were read, whether their numbers are known or not.
    """

    line: int | None
    text: str
    at: datetime | None
    place: int = 0


@dataclass(frozen=True, slots=True)
class Template:
    """Records of one shape. ``trace``: the start of the first stack trace; ``cause``: its innermost exception."""

    text: str
    level: Level
    count: int
    first: Occurrence
    last: Occurrence
    trace: tuple[str, ...] = ()
    cause: str = ""
    per_minute: float | None = None
    """Over the time that the whole log covers; None where that is not known."""


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How many records tell of one failure, and the first and last line that do."""

    failure: Failure
    count: int
    first: Occurrence
    last: Occurrence


@dataclass(frozen=True, slots=True)
class Unread:
    """What the summary does not cover. All zero: every byte was read and understood."""

    skipped_bytes: int = 0
    """Left out by whoever read the file, or beyond ``Limits.total_bytes``."""
    stopped: bool = False
    """The limit was reached while there was more to read: how much more is not known."""
    cut_lines: int = 0
    cut_bytes: int = 0
    binary_lines: int = 0
    untemplated: int = 0
    """Records of yet other shapes than the most that are told apart."""
    uncounted_failures: int = 0

    @property
    def complete(self) -> bool:
        """Whether nothing was left out."""
        return self == Unread()

    def words(self) -> tuple[str, ...]:
        """One sentence for each kind of gap."""
        said = (
            (self.skipped_bytes, f"{self.skipped_bytes:,} bytes were not read"),
            (self.stopped, "reading stopped at the limit; the log goes on"),
            (self.cut_lines, f"{self.cut_lines:,} lines were too long and were cut ({self.cut_bytes:,} bytes)"),
            (self.binary_lines, f"{self.binary_lines:,} lines are binary and were not interpreted"),
            (self.untemplated, f"{self.untemplated:,} records have yet other shapes and were only counted"),
            (self.uncounted_failures, f"{self.uncounted_failures:,} failures of yet other dependencies were left out"),
        )
        return tuple(words for amount, words in said if amount)


@dataclass(frozen=True, slots=True)
class LogSummary:
    """A log in bounded space. ``templates``: worst level first, then most frequent first."""

    lines: int
    bytes: int
    records: int
    levels: Mapping[Level, int]
    templates: tuple[Template, ...]
    failures: tuple[FailureCount, ...]
    """Most frequent first."""
    first_error: Template | None
    """The template of the first record at ERROR or above, in the order of the log."""
    first_at: datetime | None
    last_at: datetime | None
    unread: Unread
    new: tuple[Template, ...] = ()
    """Templates that the baseline has none like; empty without a baseline."""
    rarer: tuple[Template, ...] = ()
    """Templates of the baseline that are missing here."""
    rare: tuple[Template, ...] = ()
    """Templates of at most one record in a thousand; of errors and warnings in logs of 200 records and more."""
    compared: bool = False

    @property
    def errors(self) -> int:
        """Records at ERROR or above."""
        return sum(count for level, count in self.levels.items() if level >= Level.ERROR)
