"""The lines of a log that say most: what an engineer would quote."""

from __future__ import annotations

import re
from collections.abc import Iterable

from incident_commander.api.statement import Citation
from incident_commander.evidence import citing
from incident_commander.evidence.evidence import Log

_WEIGHTS: tuple[tuple[int, re.Pattern[str]], ...] = (
    (5, re.compile(r"\b(panic|fatal|segfault|segmentation fault|out of memory|core dumped)\b", re.IGNORECASE)),
    (
        4,
        re.compile(
            r"\b(traceback|unhandled|uncaught|exception in thread|cannot start|failed to start)\b", re.IGNORECASE
        ),
    ),
    (4, re.compile(r"\b\w+(Error|Exception)\b")),
    (3, re.compile(r"\b(error|err|critical|crit|severe)\b", re.IGNORECASE)),
    (
        2,
        re.compile(
            r"\b(fail(ed|ure)?|refused|denied|missing|not found|invalid|unable|cannot|could not)\b", re.IGNORECASE
        ),
    ),
    (1, re.compile(r"\b(warn(ing)?|timeout|timed out|retry(ing)?)\b", re.IGNORECASE)),
)


def weight(line: str) -> int:
    """How much a line looks like the reason for trouble; 0 for ordinary lines."""
    return max((points for points, pattern in _WEIGHTS if pattern.search(line)), default=0)


def telling_lines(logs: Iterable[Log], most: int = 2, *, at_least: int = 1) -> list[tuple[Log, str]]:
    """The weightiest lines, at most ``most``, no line twice; later ones first among equals."""
    scored = [
        (weight(line), n, position, log, line) for n, log in enumerate(logs) for position, line in enumerate(log.lines)
    ]
    scored.sort(key=lambda entry: (-entry[0], entry[1], -entry[2]))
    found: list[tuple[Log, str]] = []
    for points, _, _, log, line in scored:
        if points < at_least or len(found) == most:
            break
        if all(line != other for _, other in found):
            found.append((log, line))
    return found


def quote(logs: Iterable[Log], most: int = 2, *, at_least: int = 1) -> list[Citation]:
    """The same as citations."""
    return [citing.of_log(log, line) for log, line in telling_lines(logs, most, at_least=at_least)]
