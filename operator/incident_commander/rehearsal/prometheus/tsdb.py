"""Samples in memory, with Prometheus' notion of staleness."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

Labels = tuple[tuple[str, str], ...]
"""Sorted pairs, ``__name__`` included."""
LOOKBACK_SECONDS = 300.0


def label_set(name: str, labels: Mapping[str, str]) -> Labels:
    """The identity of a series. A label with an empty value is no label."""
    return tuple(sorted([("__name__", name), *((k, v) for k, v in labels.items() if v)]))


@dataclass(frozen=True, slots=True)
class Matcher:
    """``label OPERATOR "value"``."""

    label: str
    operator: str
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether a label set satisfies it; an absent label is the empty text."""
        actual = labels.get(self.label, "")
        if self.operator in ("=", "!="):
            return (actual == self.value) == (self.operator == "=")
        return bool(_compiled(self.value).fullmatch(actual)) == (self.operator == "=~")


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@dataclass(slots=True)
class Points:
    """One series. A value of None marks that it went stale."""

    labels: Mapping[str, str]
    times: list[float] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)

    def at(self, moment: float) -> tuple[float, float] | None:
        """The newest sample that is not stale and not older than the look-back."""
        index = bisect.bisect_right(self.times, moment) - 1
        if index < 0 or self.times[index] <= moment - LOOKBACK_SECONDS:
            return None
        value = self.values[index]
        return None if value is None else (self.times[index], value)

    def between(self, after: float, until: float) -> list[tuple[float, float]]:
        """Samples in ``(after, until]``."""
        low, high = bisect.bisect_right(self.times, after), bisect.bisect_right(self.times, until)
        pairs = zip(self.times[low:high], self.values[low:high], strict=True)
        return [(moment, value) for moment, value in pairs if value is not None]


class Tsdb:
    """All series by metric name."""

    def __init__(self) -> None:
        self._series: dict[str, dict[Labels, Points]] = {}
        self._alive: dict[str, set[Labels]] = {}

    def append(self, job: str, moment: float, samples: Iterable[tuple[str, Mapping[str, str], float]]) -> None:
        """Store one scrape of ``job``. Series of its last scrape that are missing now become stale."""
        seen: dict[Labels, None] = {}
        for name, labels, value in samples:
            key = label_set(name, labels)
            if key not in seen:
                seen[key] = None
                points = self._points(key)
                points.times.append(moment)
                points.values.append(value)
        for key in sorted(self._alive.get(job, set()) - seen.keys()):
            self._points(key).times.append(moment)
            self._points(key).values.append(None)
        self._alive[job] = set(seen)

    def select(self, matchers: Iterable[Matcher]) -> Iterator[Points]:
        """Series that satisfy all matchers, in a stable order."""
        wanted = list(matchers)
        name = next((m.value for m in wanted if m.label == "__name__" and m.operator == "="), None)
        names = [name] if name is not None else sorted(self._series)
        rest = [m for m in wanted if not (m.label == "__name__" and m.operator == "=")]
        for metric in names:
            for key in sorted(self._series.get(metric, {})):
                points = self._series[metric][key]
                if all(matcher.holds(points.labels) for matcher in rest):
                    yield points

    def _points(self, key: Labels) -> Points:
        labels = dict(key)
        series = self._series.setdefault(labels["__name__"], {})
        found = series.get(key)
        if found is None:
            found = series[key] = Points(labels)
        return found
