"""One lasting change of a series against its own history: a step, or a ramp that goes on."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from incident_commander.api.statement import Citation
from incident_commander.evidence.citing import of_metric
from incident_commander.evidence.series import significance
from incident_commander.evidence.series.samples import Array, Points, Window, independence, median, noise, samples
from incident_commander.ports import Query

FALSE_ALARMS = 0.01
"""At most this share of series that are independent noise may be told to have changed; five times as many of noise
with a long memory (a random walk does change). ``python -m bench series`` measures it."""
MIN_BEFORE = 8
MIN_AFTER = 3
_MIN_RAMP = 8
_MAGNITUDE = 2.0
"""Noise units below which a change, however certain, is not worth telling."""
_WANDERS = 10
"""How much surer a ramp must be than a step: what wanders without a cause looks like one."""
_CANDIDATES = 48
_STRIDE = 3
"""Of the places where a ramp may begin, every how many are tried first."""
_AS_GOOD = 1.06
"""A ramp may as well have begun where it fits at most so much worse."""
_MOST = 2000
"""Points looked at; of a longer series the latest."""


class Shape(enum.StrEnum):
    """How it changed."""

    STEP = "Step"
    RAMP = "Ramp"
    """It goes on: ``after`` is where it has come to."""


@dataclass(frozen=True, slots=True)
class Change:
    """``before`` and ``after`` in the series' own units. It began between ``earliest`` and ``latest`` (unix seconds).

    ``noises``: the change in robust standard deviations of the series itself; infinite where it had no noise at all.
    ``chance``: probability that noise alone looks like that.
    """

    shape: Shape
    before: float
    after: float
    at: float
    earliest: float
    latest: float
    noises: float
    chance: float

    @property
    def difference(self) -> float:
        """Signed, in the series' units."""
        return self.after - self.before

    @property
    def up(self) -> bool:
        """The direction."""
        return self.difference > 0

    def words(self, unit: str = "") -> str:
        """For people and citations."""
        moment = datetime.fromtimestamp(self.at, UTC).strftime("%H:%M:%SZ")
        units = "steady before" if math.isinf(self.noises) else f"{self.noises:.0f} times its usual variation"
        verb = "rising" if self.up else "falling"
        how = f", {verb} since" if self.shape is Shape.RAMP else " at"
        text = f"{self.before:.4g} → {self.after:.4g} {unit}".rstrip()
        return f"{text}{how} {moment} ({self.difference:+.3g}, {units})"

    def cited(self, query: Query) -> Citation:
        """The query, and what was found in its answer."""
        return of_metric(query, self.words(query.unit))


@dataclass(frozen=True, slots=True)
class _Fit:
    change: Change
    error: float
    """Sum of absolute residuals."""


def changes(points: Points, window: Window | None = None) -> Change | None:
    """The change that began in ``window`` (default: anywhere) and lasts to the end of the points.

    None: nothing changed, or too little is known to tell (fewer than ``MIN_BEFORE`` points before or ``MIN_AFTER``
    after). Scale and offset of the values do not matter.
    """
    times, values = samples(points)
    if window is not None:
        inside = times <= window.end
        times, values = times[inside], values[inside]
    times, values = times[-_MOST:], values[-_MOST:]
    if len(values) < MIN_BEFORE + MIN_AFTER or float(np.ptp(values)) == 0.0:
        return None
    found = [fit for fit in (_step(times, values), _ramp(times, values)) if fit is not None]
    if not found:
        return None
    change = min(found, key=lambda fit: fit.error).change
    return change if window is None or change.latest >= window.start else None


def _step(times: Array, values: Array) -> _Fit | None:
    first, last = MIN_BEFORE, len(values) - MIN_AFTER
    deficits, z = significance.splits(values, first, last)
    n = len(values)
    alone = [
        significance.of_split(d, u, first + place, n - first - place, 1.0)
        for place, (d, u) in enumerate(zip(deficits.tolist(), z.tolist(), strict=True))
    ]
    best = min(range(len(alone)), key=lambda place: (alone[place], -abs(z[place])))
    split = first + best
    before, after = median(values[:split]), median(values[split:])
    residuals = np.concatenate([values[:split] - before, values[split:] - after])
    share = independence(residuals)
    one = significance.of_split(float(deficits[best]), float(z[best]), split, n - split, share)
    chance = min(1.0, one * len(z))
    noises = _in_noises(after - before, residuals)
    if chance > FALSE_ALARMS or noises < _MAGNITUDE:
        return None
    if split == last and abs(values[split] - before) < abs(values[split] - after):
        return None  # it began later, with too few points to tell
    near = np.flatnonzero(np.abs(z) >= np.abs(z[best]) - _slack(abs(float(z[best]))))
    near = near[(near >= best - 20) & (near <= best + 20)]
    earliest, latest = float(times[first + int(near[0]) - 1]), float(times[first + int(near[-1])])
    at = float(times[split])
    return _Fit(
        Change(Shape.STEP, before, after, at, earliest, latest, noises, chance), float(np.sum(np.abs(residuals)))
    )


def _slack(z: float) -> float:
    """How much worse a split may be to be as likely the right one: less the clearer the best is."""
    return min(0.5, 1.0 / z) if z > 0 else 0.0


def _ramp(times: Array, values: Array) -> _Fit | None:
    first, last = MIN_BEFORE, len(values) - _MIN_RAMP
    if last < first:
        return None
    places = sorted({*np.linspace(first, last, min(_CANDIDATES, last - first + 1)).astype(int).tolist()})
    tried = {place: _hinge(times, values, place) for place in places[::_STRIDE]}
    # The error changes little from one place to the next: those around the best are enough.
    best = places.index(min(tried, key=lambda place: tried[place][0]))
    around = places[max(0, best - _STRIDE) : best + _STRIDE + 1]
    tried |= {place: _hinge(times, values, place) for place in around if place not in tried}
    fits = [(tried[place], place) for place in sorted(tried)]
    (error, level, slope), place = min(fits, key=lambda fit: fit[0][0])
    residuals = _beside(times, values, place, level, slope)
    share = independence(residuals)
    chance = min(1.0, significance.of_trend(values[place:], share) * len(places))
    rise = slope * float(times[-1] - times[place - 1])
    noises = _in_noises(rise, residuals)
    if chance > FALSE_ALARMS / _WANDERS or noises < 2 * _MAGNITUDE:
        return None
    near = [p for (e, *_), p in fits if e <= error * _AS_GOOD]
    earliest, latest = float(times[near[0] - 1]), float(times[near[-1]])
    change = Change(Shape.RAMP, level, level + rise, float(times[place - 1]), earliest, latest, noises, chance)
    return _Fit(change, error)


def _hinge(times: Array, values: Array, place: int) -> tuple[float, float, float]:
    """Flat before ``place``, and from there a line that begins at the level before: error, level, slope."""
    before, after = values[:place], values[place:]
    level = median(before)
    run = times[place:] - times[place - 1]
    slope = median((after - level) / run)
    error = np.abs(before - level).sum() + np.abs(after - level - slope * run).sum()
    return float(error), level, slope


def _beside(times: Array, values: Array, place: int, level: float, slope: float) -> Array:
    """The residuals of a hinge."""
    run = times[place:] - times[place - 1]
    return np.concatenate([values[:place] - level, values[place:] - level - slope * run])


def _in_noises(difference: float, residuals: Array) -> float:
    scale = noise(residuals)
    if scale == 0.0:
        return math.inf if difference else 0.0
    return abs(difference) / scale
