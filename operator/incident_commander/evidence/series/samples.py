"""Points as arrays: in order, finite, one per moment. What is missing is left out, never filled in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Points = Sequence[tuple[float, float]]
"""(unix seconds, value), as in ``ports.Series.points``."""

SIGMA = 1.4826
"""From a median absolute deviation to the standard deviation of normal noise."""

STALE_SECONDS = 600.0
"""A series whose last point is older says nothing about now."""

_LARGEST = 1e100
"""No measurement is larger, and the square of nothing smaller overflows."""
_LATEST = 1e11
"""Unix seconds (in the year 5138)."""
_MILLISECOND = 0.0009
"""Prometheus tells no two samples of a series apart that are closer."""


@dataclass(frozen=True, slots=True)
class Window:
    """Unix seconds, both inclusive."""

    start: float
    end: float


def samples(points: Points) -> tuple[Array, Array]:
    """Times and values, in order. What is no measurement is left out; of those in one millisecond the last is kept."""
    if not points:
        return np.empty(0), np.empty(0)
    pairs = np.asarray(points, dtype=np.float64)
    pairs = pairs[(np.abs(pairs) < (_LATEST, _LARGEST)).all(axis=1)]  # NaN compares as false
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    last = np.append(np.diff(pairs[:, 0]) > _MILLISECOND, True) if len(pairs) else np.empty(0, dtype=bool)
    return pairs[last, 0], pairs[last, 1]


def rates(points: Points) -> list[tuple[float, float]]:
    """A counter's increase per second, at the end of each interval; intervals with a reset are left out."""
    times, values = samples(points)
    rise, seconds = np.diff(values), np.diff(times)
    good = rise >= 0
    return list(zip(times[1:][good].tolist(), (rise[good] / seconds[good]).tolist(), strict=True))


def joined(lives: Iterable[Points]) -> list[tuple[float, float]]:
    """The line of one container: each restart begins another series (the label ``id``), which ends the one before.

    The older one may be answered for minutes longer, as Prometheus looks back; and series come in the order of their
    labels, which is none.
    """
    found = [samples(points) for points in lives]
    parts = sorted(((times, values) for times, values in found if len(times)), key=lambda part: float(part[0][0]))
    ends = [float(times[0]) for times, _ in parts[1:]] + [math.inf]
    return [
        (float(at), float(value))
        for (times, values), end in zip(parts, ends, strict=False)
        for at, value in zip(times, values, strict=True)
        if at < end
    ]


def latest(points: Points, now: float, most: int) -> float | None:
    """The median of the last ``most`` values; None when the series ended ten minutes before ``now`` (unix seconds)."""
    times, values = samples(points)
    if not len(values) or now - float(times[-1]) > STALE_SECONDS:
        return None
    return float(np.median(values[-most:]))


def noise(residuals: Array) -> float:
    """Standard deviation of what is left, robustly: outliers do not raise it."""
    return SIGMA * median(np.abs(residuals)) if len(residuals) else 0.0


def independence(residuals: Array) -> float:
    """The share of the points that count as independent: 1 for white noise, towards 0 the longer its memory."""
    scale = noise(residuals)
    if len(residuals) < 4 or scale == 0.0:
        return 1.0
    cut = np.clip(residuals, -3 * scale, 3 * scale)
    cut = cut - cut.mean()
    power = float(np.dot(cut, cut))
    lag = float(np.dot(cut[:-1], cut[1:])) / power if power > 0 else 0.0
    # The estimate is biased towards 0 (Kendall 1954), once for each level that was taken off.
    lag = min(0.98, lag + 3 * (1 + lag) / len(residuals))
    if lag < 1 / math.sqrt(len(residuals)):
        return 1.0  # white noise has as much by chance
    return (1 - lag) / (1 + lag)


def median(values: Array) -> float:
    """As numpy's, of at least one finite number: of few its checks take ten times as long as to sort them."""
    ordered = values.copy()
    ordered.sort()
    middle = len(ordered) // 2
    return float(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def quantiles(values: Array, *shares: float) -> tuple[float, ...]:
    """As numpy's with linear interpolation, of at least one finite number; sorted once, for the same reason."""
    ordered = values.copy()
    ordered.sort()
    places = [share * (len(ordered) - 1) for share in shares]
    around = [(ordered[math.floor(at)], ordered[math.ceil(at)], at - math.floor(at)) for at in places]
    return tuple(float(low + (high - low) * part) for low, high, part in around)
