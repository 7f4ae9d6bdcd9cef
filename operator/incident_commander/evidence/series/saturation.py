"""Whether something is full: usage against its limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from incident_commander.evidence.series.samples import Points, Window, samples

FULL = 0.9
_MIN_POINTS = 3
_LASTING = 0.6


@dataclass(frozen=True, slots=True)
class Saturation:
    """``level`` and ``peak`` are shares of the limit; ``share``: how much of the window it was full; ``since`` when."""

    level: float
    peak: float
    share: float
    since: float
    limit: float

    def words(self) -> str:
        """For people."""
        return f"{self.level:.0%} of its limit {self.limit:.4g} (peak {self.peak:.0%}), {self.share:.0%} of the time"


def saturated(usage: Points, limit: float, window: Window | None = None, *, full: float = FULL) -> Saturation | None:
    """Full for most of the window, and at its end; None also when fewer than three points, or no limit, are known."""
    times, values = samples(usage)
    if window is not None:
        inside = (times >= window.start) & (times <= window.end)
        times, values = times[inside], values[inside]
    if len(values) < _MIN_POINTS or not np.isfinite(limit) or limit <= 0:
        return None
    shares = values / limit
    above = shares >= full
    if not bool(np.median(shares[-_MIN_POINTS:]) >= full) or float(np.mean(above)) < _LASTING:
        return None
    below = np.flatnonzero(~above)
    run = above.copy()
    # Single points below, as between two scrapes of a bursty usage, do not end it.
    run[[i for i in below if 0 < i < len(above) - 1 and above[i - 1] and above[i + 1]]] = True
    ended = np.flatnonzero(~run[: len(run) - 1])
    since = float(times[int(ended[-1]) + 1]) if len(ended) else float(times[0])
    return Saturation(float(np.median(shares[above])), float(np.max(shares)), float(np.mean(above)), since, limit)
