"""How a level ran between restarts: what grows and is given back all at once, as the memory of a process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from incident_commander.evidence.series.samples import Array, Points, samples
from incident_commander.evidence.series.significance import ranks

MIN_POINTS = 8
"""Fewer points have no shape."""
_GIVEN_BACK = 0.5
"""A value below this share of the one before begins a new run."""


@dataclass(frozen=True, slots=True)
class Growth:
    """One run. ``growth`` is from its second to its last quarter (medians), per hour in ``per_hour``.

    ``steadiness`` is Spearman's rank correlation of value with time over the last three quarters; ``last`` the median
    of the last quarter.
    """

    peak: float
    last: float
    growth: float
    per_hour: float
    steadiness: float
    seconds: float


def growths(points: Points) -> tuple[Growth, ...]:
    """The runs that have enough points, the oldest first."""
    times, values = samples(points)
    cuts = np.flatnonzero(values[1:] < _GIVEN_BACK * values[:-1]) + 1
    runs = zip(np.split(times, cuts), np.split(values, cuts), strict=True)
    return tuple(_growth(t, v) for t, v in runs if len(v) >= MIN_POINTS)


def _growth(times: Array, values: Array) -> Growth:
    quarter = len(values) // 4
    early, late = slice(quarter, 2 * quarter), slice(-quarter, None)
    grown = float(np.median(values[late]) - np.median(values[early]))
    apart = float(np.median(times[late]) - np.median(times[early]))
    return Growth(
        peak=float(np.max(values)),
        last=float(np.median(values[late])),
        growth=grown,
        per_hour=grown / apart * 3600 if apart > 0 else 0.0,
        steadiness=rank_correlation(values[quarter:]),
        seconds=float(times[-1] - times[0]),
    )


def rank_correlation(values: Array | Sequence[float]) -> float:
    """Spearman's correlation of the values with their order, -1 to 1; 0 for constant values."""
    ranked = ranks(np.asarray(values, dtype=np.float64))
    order = np.arange(1, len(ranked) + 1)
    middle = (len(ranked) + 1) / 2
    under = float(np.sqrt(np.sum((order - middle) ** 2) * np.sum((ranked - middle) ** 2)))
    return float(np.sum((order - middle) * (ranked - middle))) / under if under else 0.0
