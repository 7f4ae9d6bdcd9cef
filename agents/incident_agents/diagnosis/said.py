"""Lines in the logs of a workload that match, as long as they are said often and until now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.quoting import own_words
from incident_agents.diagnosis.workload import Workload
from incident_commander.evidence.evidence import Log

_LINES = 1000
OFTEN, LATE = 2, 0.5
"""Fewer lines than that are an accident; none in the later half of the log, and it is over."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is listened for. Every match holds one of the ``pieces`` (lower case): to look for them first is cheap."""

    pattern: re.Pattern[str]
    pieces: tuple[str, ...]


def said(case: Case, workload: Workload, words: Words, *, often: int = OFTEN) -> list[tuple[Log, str]]:
    """The last two lines of each log that has at least ``often``, one of them in its later half."""
    found = []
    for pod in workload.living:
        for log in case.logs(pod):
            low = case.once(("in lower case", id(log)), partial(_low, log))
            if not any(piece in low for piece in words.pieces):
                continue
            lines = log.lines[-_LINES:]
            hits = [n for n, line in enumerate(lines) if _says(words, line[:1000])]
            if len(hits) >= often and hits[-1] >= LATE * (len(lines) - 1):
                found += [(log, lines[n]) for n in hits[-2:]]
    return found


def _says(words: Words, line: str) -> bool:
    return words.pattern.search(line) is not None and words.pattern.search(own_words(line)) is not None


def _low(log: Log) -> str:
    return "\n".join(log.lines[-_LINES:]).lower()
