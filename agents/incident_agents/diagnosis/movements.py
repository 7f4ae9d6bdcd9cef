"""What moved: series and alerts about workloads and nodes, read by what they measure and not by who named them.

A series is compared with its own history: before its change where it has one, else before the symptom began. An alert
says that something moved, and sometimes by how much only in its prose: it counts as moved, without figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.measures import Measure, is_share, measure_of, milliseconds
from incident_agents.diagnosis.recordings import metric_of, plausible, readings
from incident_agents.diagnosis.subjects import Subjects
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.incident import Alert
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing
from incident_commander.evidence.series import Change, Points, Window, changes, inline, rates, samples
from incident_commander.evidence.series.samples import Array, median, quantiles
from incident_commander.ports import Series

_COUNTERS = ("_total", "_count", "_sum")
"""Names of counters end so: what is looked at is what they grow by per second."""
_MIN_BEFORE = 3
_VARIES = 1.2
_PASSED = 600.0
"""Seconds after which what has passed is history."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One subject and measure, before and after the symptom began.

    ``subject`` is a workload's or a node's reference. ``alerted``: an alert says that it moved; its figures are
    what its prose says ("0.1 -> 7"), and ``before`` is None when it says none.
    """

    measure: Measure
    name: str
    subject: str
    before: float | None
    after: float
    peak: float
    citation: Citation
    alerted: bool = False
    change: Change | None = None
    """When and how surely it changed; None when it did not, or when only an alert says so."""
    since: float | None = None
    """Unix seconds: what parts before from after."""
    points: Points = ()
    """As they are told, like ``unit``, ``words`` and the figures of ``change``: in the unit of the series' name."""
    unit: str = ""
    words: str = ""
    """How it moved."""

    @property
    def rose(self) -> float:
        """How many times as high as before; 1 when only an alert says that it moved."""
        if self.before is None:
            return 1.0
        return self.after / max(self.before, _FLOORS.get(self.measure, 1e-9))

    @property
    def by(self) -> float:
        """How much higher than before."""
        return self.after - (self.before or 0.0)


_FLOORS = {Measure.CPU: 0.005, Measure.THROTTLING: 0.01, Measure.LATENCY: 1.0, Measure.RETRANSMISSIONS: 0.1}


def movements(case: Case) -> list[Movement]:
    """Everything that was recorded about workloads and nodes, whether or not it moved much."""
    return case.once("movements", lambda: _movements(case))


def failing_shares(case: Case) -> list[Movement]:
    """What was measured of the shares of requests that fail, 0 to 1."""
    return [
        m
        for m in movements(case)
        if m.measure is Measure.ERRORS and not m.alerted and (m.unit == "ratio" or "ratio" in m.name)
    ]


def _movements(case: Case) -> list[Movement]:
    subjects = Subjects(case)
    begun = _begun(case)
    units = {name: measured.query.unit for name, measured in case.evidence.metrics.items()}
    recorded = {name: [plausible(s) for s in group] for name, group in case.evidence.series.items()}
    made, used = readings(recorded, subjects.of)
    found = [_moved(r.measure, r.subject, r.points, begun, r.unit, _Source(r.name, r.source)) for r in made]
    found += [
        _of(name, series, begun, subjects, units.get(name, ""))
        for name, group in recorded.items()
        for series in group
        if metric_of(name, series) not in used
    ]
    return [*(m for m in found if m is not None), *_alerted(case, subjects)]


def _begun(case: Case) -> float | None:
    own = case.incident.spec.alerts if case.incident is not None else []
    starts = [a.starts_at for a in (*case.evidence.alerts, *own)]
    return min(starts).timestamp() if starts else None


@dataclass(frozen=True, slots=True)
class _Source:
    """What is cited: the series as it was recorded."""

    name: str
    series: Series


def _of(name: str, series: Series, begun: float | None, subjects: Subjects, unit: str) -> Movement | None:
    measure = measure_of(name)
    subject = subjects.of(series.labels) if measure is not None else ""
    if measure is None or not subject:
        return None
    points = rates(series.points) if name.endswith(_COUNTERS) else series.points
    factor = milliseconds(name) if measure is Measure.LATENCY else None
    if factor is not None:
        points, unit = [(t, v * factor) for t, v in points], "ms"
    if measure is Measure.CPU and subject.startswith("Node/") and is_share(name, points):
        points, unit = [(t, 100 * v) for t, v in points], "percent"
    return _moved(measure, subject, points, begun, unit, _Source(name, series))


def _moved(
    measure: Measure, subject: str, points: Points, begun: float | None, unit: str, source: _Source
) -> Movement | None:
    times, values = samples(points)
    if len(values) < 2 * _MIN_BEFORE:
        return None
    change = changes(points) or _passing(times, values, points) if _varies(values) else None
    cut = change.at if change is not None else begun
    if cut is None or not _MIN_BEFORE <= int(np.searchsorted(times, cut)) <= len(times) - _MIN_BEFORE:
        cut = float(times[len(times) // 2])
    since = values[times >= cut]
    low, high = (change.before, change.after) if change is not None else (median(values[times < cut]), median(since))
    peak = float(np.quantile(since, 0.9, method="lower"))
    own, unit = _own_unit(source.name, unit)
    if change is not None:
        change = replace(change, before=change.before / own, after=change.after / own)
    said = (
        change.words(unit)
        if change is not None
        else f"{low / own:.4g} before, {high / own:.4g} {unit}".rstrip() + " since"
    )
    shown = f"{said}, 90th percentile since {peak / own:.4g} {inline(points, at=cut)}"
    cited = citing.of_series(source.name, source.series, shown)
    seen = Movement(measure, source.name, subject, low, high, peak, cited)
    return replace(seen, change=change, since=cut, points=[(t, v / own) for t, v in points], unit=unit, words=said)


def _own_unit(name: str, unit: str) -> tuple[float, str]:
    """Milliseconds for comparing are told in the unit that the name of the series says."""
    factor = milliseconds(name) if unit == "ms" else None
    return (factor, _UNITS[factor]) if factor is not None else (1.0, unit)


_UNITS = {1e3: "s", 1.0: "ms", 1e-3: "µs", 1e-6: "ns"}


def _passing(times: Array, values: Array, points: Points) -> Change | None:
    """The rise of something that is over again, or on its way, since at most ten minutes."""
    middle = sum(quantiles(values, 0.05, 0.95)) / 2
    last = float(times[np.flatnonzero(values >= middle)[-1]])
    if times[-1] - last > _PASSED:
        return None
    return changes(points, Window(float(times[0]), last))


def _varies(values: Array) -> bool:
    """Whether there is a change to look for: no analyser asks about less."""
    low, high = quantiles(values, 0.05, 0.95)
    return high > _VARIES * low or low < 0


def _alerted(case: Case, subjects: Subjects) -> Iterator[Movement]:
    for alert in case.evidence.alerts:
        measure, subject = measure_of(_said(alert)), subjects.of(alert.labels)
        if measure is not None and subject:
            before, after = _figures(alert)
            yield Movement(measure, alert.name, subject, before, after, after, citing.of_alert(alert), alerted=True)


_ARROW = re.compile(
    r"(?P<before>\d{1,12}(?:\.\d{1,6})?)[^\d\n>]{0,16}(?:->|→)[^\d\n]{0,16}(?P<after>\d{1,12}(?:\.\d{1,6})?)"
)


def _figures(alert: Alert) -> tuple[float | None, float]:
    """The first "before -> after" in its annotations."""
    for text in alert.annotations.values():
        if (match := _ARROW.search(text[:500])) is not None:
            return float(match["before"]), float(match["after"])
    return None, 0.0


def _said(alert: Alert) -> str:
    """Its name and the labels that are no subject."""
    more = [v for k, v in alert.labels.items() if k in ("signal", "type", "metric", "reason", "resource", "category")]
    return " ".join([alert.name, *more])


def of_ref(case: Case, ref: str) -> Workload | None:
    """The workload of a reference."""
    return next((w for w in case.workloads if w.ref == ref), None)
