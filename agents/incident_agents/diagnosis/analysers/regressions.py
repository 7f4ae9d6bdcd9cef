"""The newest revision runs, and answers requests with errors: since it came the share of failures is another one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from incident_agents.diagnosis.alerted import alerted
from incident_agents.diagnosis.calls import calls
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.measures import Measure, measure_of
from incident_agents.diagnosis.movements import Movement, failing_shares
from incident_agents.diagnosis.telling import COMPLAINT, quote
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.queries import pod_pattern

_SOON = timedelta(minutes=15)
"""Within this after a rollout errors that it brings begin, and alerts about them fire."""
_LAST = timedelta(minutes=2)
_SHARES = "request_error_ratio"
"""The query for shares of failed requests, by pod."""
_FAILS, _TIMES, _LEAST = 0.1, 5.0, 3
"""The share of requests that fails, how many times what failed before, and the number of values on either side."""
_MEASURED, _ALERTED, _PASSED_ON = 68, 54, 42


@dataclass(frozen=True, slots=True)
class _Rise:
    words: str
    cited: Sequence[Citation]
    confidence: int


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload whose pods are well, and whose errors began with its newest revision."""
    ratios: dict[str, list[Movement]] = {}
    for moved in failing_shares(case):
        ratios.setdefault(moved.subject, []).append(moved)
    failing = {ref for ref, moved in ratios.items() if _now(case, moved) >= _FAILS}
    for workload in case.workloads:
        since = workload.revisions[0].since if workload.recent_rollout else None
        living = list(workload.living)
        if since is None or not living or any(not pods.ready(p) or case.unwell(p) for p in living):
            continue
        if not workload.only_newest(living):
            continue
        found = _measured(case, workload, ratios.get(workload.ref, []), since) or _alerted(case, workload, since)
        if found is not None:
            below = {ref for ref in calls(case).get(workload.ref, ()) if ref in failing}
            yield _finding(case, workload, found, below)


def _now(case: Case, moved: Sequence[Movement]) -> float:
    late = (case.now - _LAST).timestamp()
    return max((value for m in moved for at, value in m.points if at >= late), default=0.0)


def _measured(case: Case, workload: Workload, moved: Sequence[Movement], since: datetime) -> _Rise | None:
    """By the shares of all its pods, those of the revision before included; they must still be high at the end."""
    at, late = since.timestamp(), (case.now - _LAST).timestamp()
    before = [value for m in moved for when, value in m.points if when < at]
    before += [value for when, value in _of_gone(case, workload) if when < at]
    latest = [value for m in moved for when, value in m.points if when >= max(late, at)]
    soon = [when for m in moved for when, value in m.points if when >= at and value >= _FAILS]
    if len(before) < _LEAST or len(latest) < _LEAST or not soon or soon[0] - at > _SOON.total_seconds():
        return None
    usual, now = median(before), median(latest)
    if now < _FAILS or now < _TIMES * usual:
        return None
    cited = [m.citation for m in moved if m.points and m.points[-1][0] >= late]
    return _Rise(f"{now:.0%} of its requests fail, {usual:.1%} did before", cited[:2], _MEASURED)


def _of_gone(case: Case, workload: Workload) -> Iterator[tuple[float, float]]:
    """What was measured of its pods that are no more, known by their names."""
    name = re.compile(pod_pattern(workload.kind, fields.name(workload.object)))
    here = {fields.name(p) for p in workload.pods}
    for series in case.evidence.series.get(_SHARES, ()):
        pod = series.labels.get("pod", "")
        if series.labels.get("namespace") == fields.namespace(workload.object) and pod not in here:
            yield from series.points if name.fullmatch(pod) else ()


def _alerted(case: Case, workload: Workload, since: datetime) -> _Rise | None:
    """Where nobody's series tell, by an alert about its errors that began after the revision came."""
    for alert, about in alerted(case):
        begun = alert.starts_at.astimezone(UTC) - since
        errors = measure_of(alert.name) is Measure.ERRORS
        if about.ref == workload.ref and errors and timedelta(0) <= begun <= _SOON:
            minutes = max(1, round(begun.total_seconds() / 60))
            return _Rise(f"alert {alert.name} began {minutes} min later", [citing.of_alert(alert)], _ALERTED)
    return None


def _finding(case: Case, workload: Workload, rise: _Rise, below: set[str]) -> Finding:
    newest = workload.revisions[0]
    pod = next(iter(workload.ready))
    names = [fields.text(c, "name") for c in fields.items(newest.template, "spec", "containers")]
    changed = {name: parts for name in names if (parts := workload.changed(name))}
    container = next(iter(changed), names[0] if names else "")
    what = ", ".join(dict.fromkeys(part for parts in changed.values() for part in parts))
    tail = f"; {', '.join(sorted(below))}, which it calls, fails as well" if below else ""
    return of_workload(
        Cause.CRASH_AFTER_ROLLOUT,
        workload,
        list(workload.ready),
        container,
        # Errors of whom it calls are passed on, whatever was rolled out.
        confidence=_PASSED_ON if below else rise.confidence + (4 if changed else -12),
        summary=f"since the newest revision of {workload.ref}, which changed {what or 'nothing in its containers'}, "
        f"{rise.words}{tail}",
        evidence=[
            *rise.cited,
            citing.of_object(newest.source, "metadata.creationTimestamp"),
            *(citing.of_object(source, path) for source, path in workload.differences(container)[:4]),
            *quote(case, pod, most=2, at_least=COMPLAINT),
        ],
        facts={"changed": ",".join(changed.get(container, ()))},
    )
