"""The lines of a log that say most: what an engineer would quote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from incident_agents.diagnosis.case import Case
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Log
from incident_commander.evidence.logs import Level, LogSummary, Template, failure_in, summarise
from incident_commander.evidence.logs.levels import level_of, thrown
from incident_commander.ports import Object

_COMPLAINS = re.compile(
    r"\b(?:fail(?:ed|ure)?|refused|denied|missing|not found|invalid|unable|cannot|could not|unknown|abort(?:ed|ing)?"
    r"|segmentation fault|core dumped)\b",
    re.IGNORECASE,
)
"""Of a line that names no level."""

_FRAMES = ('File "', "at ")
"""A frame of a stack whose head is not in what was read says nothing."""

_WEIGHTS = {Level.FATAL: 6, Level.ERROR: 5, Level.WARN: 2}
_FAILURE, _COMPLAINT = 4, 3
_THROWN, _NEW, _FIRST = 2, 1, 1

WARNING, COMPLAINT = 2, 3
"""For ``at_least``: anything that looks amiss; only what says that something failed."""


@dataclass(frozen=True, slots=True)
class _Told:
    weight: int
    at: int
    log: Log
    line: str


def fatal(line: str) -> bool:
    """Whether a line tells of an exception or a panic, or says by its level that its program ends."""
    raw = line.encode("utf-8", "replace")
    return thrown(raw) or level_of(raw) >= Level.FATAL


def quote(
    case: Case, pod: Object, container: str | None = None, *, most: int = 2, at_least: int = WARNING
) -> list[Citation]:
    """The weightiest lines of a pod's logs, at most ``most``, no line twice; later ones first among equals.

    What a healthy sibling does not say as well weighs more, and so does the first error.
    """
    told = [
        one
        for log in case.logs(pod, container)
        for one in case.once(("told", id(log)), lambda log=log: list(_told(log, _baseline(case, pod, log))))  # type: ignore[misc]
    ]
    # Logs are in the order of their worth: the previous container's first.
    told.sort(key=lambda one: (-one.weight, not one.log.previous, -one.at))
    lines: dict[str, _Told] = {}
    for one in told:
        if one.weight >= at_least:
            lines.setdefault(one.line, one)
    return [citing.of_log(one.log, one.line) for one in list(lines.values())[:most]]


def loudest(case: Case, most: int = 3) -> list[Citation]:
    """The weightiest lines of all logs, where nothing is known of the pods that wrote them."""
    told = [one for log in case.evidence.logs for one in _told(log, None) if one.weight >= COMPLAINT]
    return [citing.of_log(one.log, one.line) for one in sorted(told, key=lambda one: -one.weight)[:most]]


def _told(log: Log, baseline: LogSummary | None) -> Iterator[_Told]:
    """One line for each template that looks amiss."""
    summary = summarise(log.lines, baseline=baseline)
    places = {line: n for n, line in enumerate(log.lines)}
    for template in summary.templates:
        line = _line_of(template, log)
        weight = _weight(template, line)
        if not weight or line.startswith(_FRAMES):
            continue
        weight += _NEW if summary.compared and template in summary.new else 0
        weight += _FIRST if template == summary.first_error else 0
        yield _Told(weight, places.get(line, 0), log, line)


def _line_of(template: Template, log: Log) -> str:
    """The innermost exception's line where there is one, else the last record's first line."""
    if template.cause:
        found = next((line for line in reversed(log.lines) if template.cause in line), None)
        if found is not None:
            return found
    return template.last.text


def _weight(template: Template, line: str) -> int:
    weight = _WEIGHTS.get(template.level, 0)
    if template.cause or template.trace:
        return max(weight, _WEIGHTS[Level.ERROR]) + _THROWN
    if failure_in(line) is not None:
        weight = max(weight, _FAILURE)
    if template.level is Level.UNKNOWN and _COMPLAINS.search(line):
        weight = max(weight, _COMPLAINT)
    return weight


def _baseline(case: Case, pod: Object, log: Log) -> LogSummary | None:
    """The same container of a ready pod of the same workload."""
    workload = case.workload_of(pod)
    for sibling in workload.ready if workload is not None else ():
        if fields.name(sibling) == fields.name(pod):
            continue
        for other in case.logs(sibling, log.container):
            if not other.previous and other.lines:
                return case.once(("summary", id(other)), partial(summarise, other.lines))
    return None
