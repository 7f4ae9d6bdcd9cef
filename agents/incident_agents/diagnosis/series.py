"""Time series as diagnosis reads them: finite values, recent ones, segments between restarts, and their shape."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from incident_commander.ports import Series

Point = tuple[float, float]

STALE_SECONDS = 600.0
"""A series whose last point is older says nothing about now."""

MIN_POINTS = 8
"""Fewer points have no shape."""


def finite(series: Series) -> list[Point]:
    """Points without NaN and infinities, in time order."""
    return sorted((t, v) for t, v in series.points if math.isfinite(t) and math.isfinite(v))


def joined(lives: Sequence[Series]) -> list[Point]:
    """The line of one container: each restart begins another series (the label ``id``), which ends the one before.

    The older one may be answered for minutes longer, as Prometheus looks back; and series come in the order of their
    labels, which is none.
    """
    parts = sorted((points for one in lives if (points := finite(one))), key=lambda points: points[0][0])
    begins = [points[0][0] for points in parts[1:]] + [math.inf]
    return [point for points, end in zip(parts, begins, strict=False) for point in points if point[0] < end]


def latest(series: Series, now: datetime, most: int) -> list[float]:
    """The last values, or none when the series has ended."""
    points = finite(series)
    if not points or now.timestamp() - points[-1][0] > STALE_SECONDS:
        return []
    return [value for _, value in points[-most:]]


def segments(points: Sequence[Point]) -> list[list[Point]]:
    """Cut where memory was given back all at once: a value that falls below half of the one before."""
    found: list[list[Point]] = []
    for point in points:
        if not found or point[1] < 0.5 * found[-1][-1][1]:
            found.append([])
        found[-1].append(point)
    return found


@dataclass(frozen=True, slots=True)
class Shape:
    """How a segment ran. ``growth`` is from its second to its last quarter (medians), per hour in ``per_hour``.

    ``steadiness`` is Spearman's rank correlation of value with time over the last three quarters.
    """

    peak: float
    last: float
    growth: float
    per_hour: float
    steadiness: float
    seconds: float


def shape(points: Sequence[Point]) -> Shape | None:
    """The shape of a segment, or None when it has too few points."""
    if len(points) < MIN_POINTS:
        return None
    quarter = len(points) // 4
    values = [value for _, value in points]
    early, late = points[quarter : 2 * quarter], points[-quarter:]
    growth = statistics.median(v for _, v in late) - statistics.median(v for _, v in early)
    apart = statistics.median(t for t, _ in late) - statistics.median(t for t, _ in early)
    rest = values[quarter:]
    return Shape(
        peak=max(values),
        last=statistics.median(values[-quarter:]),
        growth=growth,
        per_hour=growth / apart * 3600 if apart > 0 else 0.0,
        steadiness=rank_correlation(rest),
        seconds=points[-1][0] - points[0][0],
    )


def rank_correlation(values: Sequence[float]) -> float:
    """Spearman's correlation of the values with their order, -1 to 1; 0 for constant values."""
    ranks = _ranks(values)
    middle = (len(values) + 1) / 2
    over = sum((n + 1 - middle) * (rank - middle) for n, rank in enumerate(ranks))
    under = math.sqrt(sum((n + 1 - middle) ** 2 for n in range(len(values))) * sum((r - middle) ** 2 for r in ranks))
    return over / under if under else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=lambda n: values[n])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start : end + 1]:
            ranks[place] = (start + end) / 2 + 1
        start = end + 1
    return ranks
