"""Lines in the logs of a workload that match, as long as they are said often and until now."""

from __future__ import annotations

import re

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.workload import Workload
from incident_commander.evidence.evidence import Log
from incident_commander.ports import Object

OFTEN, LATE = 2, 0.5
"""Fewer lines than that are an accident; none in the later half of the log, and it is over."""


def said(case: Case, workload: Workload, words: Words, *, often: int = OFTEN) -> list[tuple[Log, str]]:
    """The last two lines of each log that has at least ``often``, one of them in its later half."""
    found = []
    for pod in workload.living:
        for log in case.logs(pod):
            listened = case.listen(log)
            hits = sorted(place for remark in listened.heard(words) for place in remark.places)
            if len(hits) >= often and listened.recency(hits[-1]) >= LATE:
                found += [(log, log.lines[place]) for place in hits[-2:]]
    return found


def last_said(
    case: Case, pod: Object, container: str | None, words: Words, *, unless: re.Pattern[str] | None = None
) -> tuple[Log, str] | None:
    """The last line that matches in a pod's logs, the previous container's before the new one's, however old it is.

    ``unless``: lines that match this as well speak of something else.
    """
    for log in case.logs(pod, container):
        heard = [r for r in case.listen(log).heard(words) if unless is None or not unless.search(r.line)]
        if heard:
            return log, heard[-1].line
    return None
