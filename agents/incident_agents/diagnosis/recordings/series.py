"""Recorded series and what is made of them: subjects, sums of rates, ratios."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from incident_agents.diagnosis.measures import Measure
from incident_commander.evidence.series import Points, rates
from incident_commander.ports import Series

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """Points of one measure of one subject, and a series (as recorded, under ``name``) that they were made of."""

    measure: Measure
    subject: str
    points: Points
    unit: str
    name: str
    source: Series


@dataclass(frozen=True, slots=True)
class Recorded:
    """A series; ``name`` is the one it was recorded under, ``metric`` that of the metric."""

    name: str
    metric: str
    series: Series
    subject: str

    @property
    def labels(self) -> Labels:
        """The series'."""
        return self.series.labels


def metric_of(name: str, series: Series) -> str:
    """The metric that a series is of: as Prometheus says, else as it was recorded."""
    return series.labels.get("__name__") or name


_MOST = 1e18
"""Seconds since 1970, or values of anything, beyond which figures are broken, and arithmetic with them would be."""


def plausible(series: Series) -> Series:
    """Without broken points, and with times in whole milliseconds; of most series, the series itself."""
    if all(abs(at) < _MOST and abs(value) < _MOST and at == round(at, 3) for at, value in series.points):
        return series
    kept = ((round(at, 3), value) for at, value in series.points if abs(at) < _MOST and abs(value) < _MOST)
    return Series(series.labels, tuple(kept))


Taken = Iterator[tuple[Iterable[str], list[Reading]]]
"""Names of metrics that were understood, and what was made of them."""
ByMetric = Mapping[str, Sequence[Recorded]]


def by_subject(series: Iterable[Recorded]) -> dict[str, list[Recorded]]:
    """What a mesh reports twice counts once, as the side that answers saw it."""
    found: dict[str, list[Recorded]] = {}
    for one in series:
        if one.subject:
            found.setdefault(one.subject, []).append(one)
    return {subject: _one_side(group) for subject, group in found.items()}


def _one_side(group: list[Recorded]) -> list[Recorded]:
    for label, side in (("reporter", ("destination", "waypoint")), ("direction", ("inbound",))):
        answering = [s for s in group if s.labels.get(label) in side]
        group = answering or group
    return group


def summed(series: Iterable[Recorded]) -> list[tuple[float, float]]:
    """What counters grow by per second, together."""
    found: dict[float, float] = {}
    for one in series:
        for at, rate in rates(one.series.points):
            found[at] = found.get(at, 0.0) + rate
    return sorted(found.items())


def ratio(part: Points, whole: Points) -> list[tuple[float, float]]:
    """Point by point, where the whole is not nothing."""
    below = dict(whole)
    return [(at, value / below[at]) for at, value in part if below.get(at, 0.0) > 0]
