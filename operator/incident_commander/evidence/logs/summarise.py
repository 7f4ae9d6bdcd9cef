"""One pass over a log of any size, in bounded memory.

Most lines differ from one that was read before only in digits. So what a line is, is remembered by the line without
its digits (and long hexadecimal numbers), and only what is new is taken apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from incident_commander.evidence.logs.comparing import missing_in, rare_of
from incident_commander.evidence.logs.reading import Skipped
from incident_commander.evidence.logs.records import Records
from incident_commander.evidence.logs.summary import Limits, LogSummary


def summarise(
    lines: Iterable[bytes | str | Skipped], *, baseline: LogSummary | None = None, limits: Limits | None = None
) -> LogSummary:
    """Read the lines once, and tell what is in them.

    ``lines``: with or without their ends; ``Skipped`` stands for what was left out (``reading.sampled``).
    ``baseline``: the summary of a log in which the trouble is not. Never raises on what the lines hold.
    """
    records = Records(limits or Limits())
    for line in lines:
        if isinstance(line, Skipped):
            records.skip(line)
        elif not records.add(line if isinstance(line, bytes) else line.encode("utf-8", "replace")):
            break
    found = records.summary()
    found = replace(found, rare=rare_of(found))
    if baseline is None:
        return found
    return replace(
        found,
        new=missing_in(found.templates, baseline.templates),
        rarer=missing_in(baseline.templates, found.templates),
        compared=True,
    )
