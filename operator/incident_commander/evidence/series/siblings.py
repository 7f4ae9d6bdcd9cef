"""Which of several series that should be alike is not: one pod of a Deployment, one node of a pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from incident_commander.evidence.series.samples import SIGMA, Points, Window, noise, samples

MIN_SIBLINGS = 3
_MIN_POINTS = 3
_FAR = 6.0
_FAR_OF_FEW = 10.0
_FEW = 5


@dataclass(frozen=True, slots=True)
class Outlier:
    """``value`` is its own median, ``usual`` that of the others; ``noises`` as in ``Change``."""

    name: str
    value: float
    usual: float
    noises: float


def outliers(siblings: Mapping[str, Points], window: Window | None = None) -> tuple[Outlier, ...]:
    """Furthest first; none when fewer than three siblings have data, or when half of them differ."""
    levels: dict[str, float] = {}
    within: list[float] = []
    for name, points in siblings.items():
        times, values = samples(points)
        if window is not None:
            values = values[(times >= window.start) & (times <= window.end)]
        if len(values) >= _MIN_POINTS:
            levels[name] = float(np.median(values))
            within.append(noise(values - levels[name]))
    if len(levels) < MIN_SIBLINGS:
        return ()
    far = _FAR if len(levels) >= _FEW else _FAR_OF_FEW
    found = []
    for name, value in levels.items():
        others = np.array([level for other, level in levels.items() if other != name])
        usual = float(np.median(others))
        scale = max(float(SIGMA * np.median(np.abs(others - usual))), float(np.median(within)))
        if scale == 0.0:
            scale = float(np.max(np.abs(others - usual))) or 1e-3 * abs(usual)
        distance = abs(value - usual) / scale if scale > 0 else (np.inf if value != usual else 0.0)
        if distance >= far:
            found.append(Outlier(name, value, usual, float(distance)))
    if 2 * len(found) >= len(levels):
        return ()
    return tuple(sorted(found, key=lambda one: (-one.noises, one.name)))
