"""How likely noise alone looks like that: rank tests, which no outlier and no distribution can fool."""

from __future__ import annotations

import math

import numpy as np

from incident_commander.evidence.series.samples import Array

_DEFICITS = 80


def _partitions() -> list[float]:
    """How many arrangements of two samples fall short of perfect separation by at most d (an upper bound)."""
    counts = [1] + [0] * _DEFICITS
    for part in range(1, _DEFICITS + 1):
        for total in range(part, _DEFICITS + 1):
            counts[total] += counts[total - part]
    return [float(ways) for ways in np.cumsum(counts)]


_ARRANGEMENTS = _partitions()


def ranks(values: Array) -> Array:
    """Ranks from 1, equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean = ends - (counts - 1) / 2
    return np.asarray(mean[inverse], dtype=np.float64)


def splits(values: Array, first: int, last: int) -> tuple[Array, Array]:
    """Mann-Whitney U, as its distance from perfect separation, and z, for the splits before ``first`` ... ``last``."""
    n = len(values)
    ranked = ranks(values)
    before = np.arange(first, last + 1)
    u = np.cumsum(ranked)[before - 1] - before * (before + 1) / 2
    pairs = before * (n - before)
    _, counts = np.unique(values, return_counts=True)
    ties = float(np.sum(counts.astype(np.float64) ** 3 - counts)) / (n * (n - 1)) if n > 1 else 0.0
    spread = np.sqrt(np.maximum(pairs * ((n + 1) - ties) / 12, 1e-12))
    return np.minimum(u, pairs - u), (u - pairs / 2) / spread


def of_split(deficit: float, z: float, before: int, after: int, share: float) -> float:
    """Probability of so good a split at one place, when ``share`` of the points are independent."""
    normal = math.erfc(abs(z) * math.sqrt(share) / math.sqrt(2))
    place = math.ceil(deficit)
    if place > _DEFICITS:
        return normal
    one, two = before * share, after * share
    ways = math.lgamma(one + two + 1) - math.lgamma(one + 1) - math.lgamma(two + 1)
    return min(normal, 2 * _ARRANGEMENTS[place] * math.exp(-ways))


def of_trend(values: Array, share: float) -> float:
    """Mann-Kendall: probability of so steady a rise or fall."""
    n = len(values)
    steady = float(np.sum(np.sign(values[None, :] - values[:, None])[np.triu_indices(n, 1)]))
    z = steady / math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    return math.erfc(abs(z) * math.sqrt(share) / math.sqrt(2))
