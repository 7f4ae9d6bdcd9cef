"""Lines in the logs of a workload that match, as long as they are said often and until now."""

from __future__ import annotations

import re

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.workload import Workload
from incident_commander.evidence.evidence import Log

_LINES = 1000
OFTEN, LATE = 2, 0.5
"""Fewer lines than that are an accident; none in the later half of the log, and it is over."""


def said(case: Case, workload: Workload, pattern: re.Pattern[str], *, often: int = OFTEN) -> list[tuple[Log, str]]:
    """The last two lines of each log that has at least ``often``, one of them in its later half."""
    found = []
    for pod in workload.living:
        for log in case.logs(pod):
            lines = log.lines[-_LINES:]
            hits = [n for n, line in enumerate(lines) if pattern.search(line[:1000])]
            if len(hits) >= often and hits[-1] >= LATE * (len(lines) - 1):
                found += [(log, lines[n]) for n in hits[-2:]]
    return found
