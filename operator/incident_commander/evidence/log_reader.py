"""Logs as evidence: the ends of a live cluster's, a recording's from beginning to end. What was not read is a gap."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

from incident_commander.errors import LogsUnavailable
from incident_commander.evidence.calls import Calls
from incident_commander.evidence.evidence import Log
from incident_commander.evidence.gaps import Gaps
from incident_commander.evidence.lines import MAX_LINE, numbered_lines
from incident_commander.evidence.logs import Excerpt, Room, excerpt, sampled
from incident_commander.evidence.scope import Limits
from incident_commander.ports import Cluster, LogPlace, Recording

_LEAST = 8192
"""Bytes that are kept of any log."""
_OVERHEAD = 100
"""Bytes that a line takes in memory beside its text."""
_LONG = f"lines longer than {MAX_LINE:,} characters; what follows was not read"


async def live_logs(
    places: Sequence[LogPlace], *, cluster: Cluster, calls: Calls, limits: Limits, gaps: Gaps
) -> list[Log]:
    """The end of each log."""

    async def read(place: LogPlace) -> Log | None:
        text = await calls.ask(
            named(place),
            lambda: cluster.logs(
                place.namespace,
                place.pod,
                place.container,
                previous=place.previous,
                tail_lines=limits.log_lines,
                limit_bytes=limits.log_bytes,
            ),
        )
        return _of_end(place, text, limits, gaps) if text is not None else None

    answers = await asyncio.gather(*(read(place) for place in places))
    return [log for log in answers if log is not None]


def _of_end(place: LogPlace, text: str, limits: Limits, gaps: Gaps) -> Log:
    """The API server does not tell whether there are older lines: a log that fills the bound is taken for longer."""
    whole = text.rstrip("\n").count("\n") + 1 < limits.log_lines
    if not whole:
        gaps.add(f"the last {limits.log_lines:,} lines were read; what stands before is not seen", named(place))
    elif len(text.encode("utf-8", "replace")) >= limits.log_bytes:
        whole, text = False, text.partition("\n")[2] or text
        gaps.add(f"the last {limits.log_bytes:,} bytes were read; what stands before is not seen", named(place))
    lines = numbered_lines(text, limits.log_lines)
    if long := sum(len(line) == MAX_LINE for _, line in lines):
        gaps.add(_LONG, f"{named(place)} ({long:,} lines)")
    numbers = tuple(number for number, _ in lines) if whole else ()
    return Log(place.namespace, place.pod, place.container, place.previous, tuple(line for _, line in lines), numbers)


@dataclass(slots=True)
class _Left:
    """Of the bounds, for the logs that are still to be read. Each gets its share, and leaves what it does not need."""

    logs: int
    read: int
    kept: int

    def share(self, amount: int) -> int:
        return amount // max(1, self.logs)


def recorded_logs(recording: Recording, *, calls: Calls, limits: Limits, gaps: Gaps) -> list[Log]:
    """All logs of a recording, each from its beginning as far as bytes and time go."""
    sizes = {place: _size(recording, place, gaps) for place in recording.log_places()}
    waiting = sorted((size, n, place) for n, (place, size) in enumerate(sizes.items()) if size is not None)
    left = _Left(len(waiting), limits.log_files_bytes, limits.logs_kept_bytes)
    found: dict[LogPlace, Log] = {}
    for size, _, place in waiting:
        try:
            found[place] = _recorded(recording, place, size, left, calls, limits, gaps)
        except (LogsUnavailable, OSError) as error:
            gaps.add(str(error), named(place))
        left.logs -= 1
    return [found[place] for place in sizes if place in found]


def _size(recording: Recording, place: LogPlace, gaps: Gaps) -> int | None:
    try:
        with recording.log(place) as file:
            return file.seek(0, os.SEEK_END)
    except (LogsUnavailable, OSError) as error:
        gaps.add(str(error), named(place))
        return None


def _recorded(
    recording: Recording, place: LogPlace, size: int, left: _Left, calls: Calls, limits: Limits, gaps: Gaps
) -> Log:
    most = min(limits.log_file_bytes, left.share(left.read))
    kept = max(_LEAST, left.share(left.kept))
    room = Room(min(limits.log_lines, kept // (2 * _OVERHEAD)), min(limits.log_bytes, kept * 2 // 3))
    share = calls.seconds_left() / max(1, left.logs)
    ends = calls.seconds_left() - share
    with recording.log(place) as file:
        found = excerpt(sampled(file, size, max_bytes=most, in_time=lambda: calls.seconds_left() > ends), room)
    left.read -= min(size, most)
    left.kept -= sum(map(len, found.lines)) + _OVERHEAD * len(found.lines)
    _tell(place, size, found, gaps)
    return Log(place.namespace, place.pod, place.container, place.previous, found.lines, found.numbers)


def _tell(place: LogPlace, size: int, found: Excerpt, gaps: Gaps) -> None:
    name = named(place)
    if found.skipped_bytes:
        read = size - found.skipped_bytes
        why = "the start, the end and samples of what lies between were read; the rest is not seen"
        gaps.add(why, f"{name} ({read:,} of {size:,} bytes)")
    if found.left_out:
        why = "only counted; the start, the first record of each kind and the end were read line by line"
        gaps.add(why, f"{name} ({found.left_out:,} of {found.total:,} lines)")
    if found.binary:
        gaps.add("not text in UTF-8, so it was not interpreted", f"{name} ({found.binary:,} of {found.total:,} lines)")
    if found.cut:
        gaps.add(_LONG, f"{name} ({found.cut:,} lines)")


def named(place: LogPlace) -> str:
    """As gaps name a log."""
    return f"log of {place.namespace}/{place.pod}/{place.container}{' (previous)' if place.previous else ''}"
