"""A robust trend with an honest interval. Pure, and without numpy: the process stays small.

The slope is Theil's and Sen's: the median of the slopes of all pairs of points (Sen, JASA 63, 1968), which
a third of wild points cannot move. Its interval comes from the variance of Kendall's S, pooled over segments
as in the seasonal Kendall test (Hirsch and Slack, 1984), since a restarted container starts a new series.
Neighbouring samples are not independent: the variance is widened by their correlation, as an AR(1) process
has only ``n (1-r)/(1+r)`` independent ones (Bayley and Hammersley, 1946).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median

MIN_POINTS = 8
"""With fewer, no interval at 95 % is worth its name."""
MAX_POINTS = 120
"""More are thinned evenly: pairs grow with the square."""
_DROP = 0.3
"""A fall by this share of the highest value within one step is a restart, not noise."""
_Z95 = 1.959964

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Trend:
    """Slopes in units per second with a 95 % interval; ``level`` is the fitted value at the last point."""

    slope: float
    low: float
    high: float
    level: float
    points: int

    @property
    def sign_is_certain(self) -> bool:
        """Whether the whole interval is on one side of zero."""
        return self.low > 0 or self.high < 0


def trend(points: Sequence[Point]) -> Trend | None:
    """The trend of one series in time order, or None when fewer than eight finite points belong together."""
    finite = [(at, value) for at, value in points if math.isfinite(value)]
    segments = [segment for segment in split(thin(finite)) if len(segment) >= 3]
    count = sum(len(segment) for segment in segments)
    if count < MIN_POINTS:
        return None
    slopes = sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for segment in segments
        for earlier, later in combinations(segment, 2)
        if later[0] > earlier[0]
    )
    if not slopes:
        return None
    slope = median(slopes)
    variance = sum(_variance(segment) for segment in segments) * _inflation(segments, slope)
    reach = _Z95 * math.sqrt(variance)
    low = slopes[_clamp((len(slopes) - reach) / 2, len(slopes))]
    high = slopes[_clamp((len(slopes) + reach) / 2, len(slopes))]
    last = segments[-1]
    end = last[-1][0]
    level = median(value + slope * (end - at) for at, value in last[-MIN_POINTS:])
    return Trend(slope, min(low, slope), max(high, slope), level, count)


def split(points: Sequence[Point]) -> list[list[Point]]:
    """Cut where the value falls at once by a large share of the highest: the container was restarted."""
    if not points:
        return []
    highest = max(abs(value) for _, value in points)
    segments = [[points[0]]]
    for earlier, later in pairwise(points):
        if earlier[1] - later[1] > _DROP * highest:
            segments.append([])
        segments[-1].append(later)
    return segments


def thin(points: Sequence[Point]) -> Sequence[Point]:
    """At most ``MAX_POINTS``, evenly, the last one among them."""
    step = math.ceil(len(points) / MAX_POINTS) if points else 1
    return points[(len(points) - 1) % step :: step] if step > 1 else points


def _variance(segment: Sequence[Point]) -> float:
    """Of Kendall's S, with the correction for equal values."""
    n = len(segment)
    counts: dict[float, int] = {}
    for _, value in segment:
        counts[value] = counts.get(value, 0) + 1
    ties = sum(t * (t - 1) * (2 * t + 5) for t in counts.values())
    return (n * (n - 1) * (2 * n + 5) - ties) / 18


def _inflation(segments: Sequence[Sequence[Point]], slope: float) -> float:
    """How many times fewer independent points there are, from the residuals' correlation at lag one.

    That correlation comes out too low where a line was taken off, by about ``(2+4r)/n`` (Kendall 1954); it is
    corrected, which makes short series as uncertain as they are.
    """
    squares = products = 0.0
    count = sum(len(segment) for segment in segments)
    for segment in segments:
        start = segment[0][0]
        detrended = [value - slope * (at - start) for at, value in segment]
        middle = median(detrended)
        residuals = [value - middle for value in detrended]
        squares += sum(r * r for r in residuals)
        products += sum(a * b for a, b in pairwise(residuals))
    measured = products / squares if squares > 0 else 0.0
    correlation = min(0.95, max(0.0, (count * measured + 2) / (count - 4)))
    return (1 + correlation) / (1 - correlation)


def _clamp(rank: float, count: int) -> int:
    return max(0, min(count - 1, round(rank)))
