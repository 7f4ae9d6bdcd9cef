"""From the driving series to a Forecast. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from incident_agents.prediction.driving import Driving, driving_series, readable
from incident_agents.prediction.trend import MIN_POINTS, Trend, trend
from incident_agents.wording import duration
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation, CitationKind, Diagnosis, Forecast
from incident_commander.evidence.evidence import Evidence

HORIZON_SECONDS = 24 * 3600.0
"""Further ahead a straight line says nothing."""
NEAR = 0.5
"""A series that uses less than this share of its limit, and does not grow, is not worth a statement."""
_MEMORY = frozenset({Cause.MEMORY_LEAK, Cause.MEMORY_LIMIT_TOO_LOW})
_VOLUME = frozenset({Cause.VOLUME_FULL})


@dataclass(frozen=True, slots=True)
class Outlook:
    """A driving series, its trend (None: too few points), and when it reaches its limit, in seconds.

    ``soonest`` and ``latest`` are the ends of the 95 % interval; None is "not within a day".
    """

    driving: Driving
    trend: Trend | None
    expected: float | None = None
    soonest: float | None = None
    latest: float | None = None

    @property
    def uncertain(self) -> bool:
        """The slope may be of either sign, and at its worst the limit is reached within a day."""
        return self.trend is not None and not self.trend.sign_is_certain and self.soonest is not None


def outlook(driving: Driving, limit: float | None = None) -> Outlook:
    """Where the series goes, against its own limit or another one."""
    found = trend(driving.points)
    if found is None:
        return Outlook(driving, None)
    left = (driving.limit if limit is None else limit) - found.level
    return Outlook(driving, found, _reach(left, found.slope), _reach(left, found.high), _reach(left, found.low))


def choose(evidence: Evidence, diagnosis: Diagnosis | None) -> Outlook | None:
    """The outlook that matters: of the kind that the top hypothesis names, and the one that ends first.

    None: no series has a limit, or all are far from theirs and stay there.
    """
    causes = {h.cause for h in diagnosis.hypotheses[:1]} if diagnosis is not None else set()
    outlooks = [outlook(d) for d in driving_series(evidence)]
    if causes & (_MEMORY | _VOLUME):
        kind = "Pod/" if causes & _MEMORY else "PersistentVolumeClaim/"
        outlooks = [o for o in outlooks if o.driving.ref.startswith(kind)] or outlooks
    else:
        outlooks = [o for o in outlooks if o.driving.pressed or o.driving.filled >= NEAR or o.expected is not None]
    return min(outlooks, key=_urgency) if outlooks else None


def forecast(evidence: Evidence, diagnosis: Diagnosis | None) -> Forecast | None:
    """The statement, or None when no series says anything about this Incident."""
    found = choose(evidence, diagnosis)
    if found is None:
        return None
    driving, line = found.driving, found.trend
    cited = Citation(
        kind=CitationKind.METRIC,
        ref=driving.query[:1024],
        path=driving.ref[:1024],
        value=f"{driving.current:.0f} bytes of {driving.limit:.0f}",
    )
    base = Forecast(
        abstained=True,
        series=driving.name[:1024],
        current=readable(driving.current),
        limit=readable(driving.limit),
        evidence=[cited],
    )
    if line is None:
        message = f"{len(driving.points)} points of {driving.name} belong together; a trend needs {MIN_POINTS}"
        return base.model_copy(update={"message": message})
    slopes = f"{_hourly(line.slope)} ({_hourly(line.low)} to {_hourly(line.high)} at 95 %)"
    if found.uncertain:
        message = f"{driving.name}: the trend {slopes} over {line.points} points may be of either sign"
        return base.model_copy(update={"message": message, "slope_per_hour": _hourly(line.slope)})
    return base.model_copy(
        update={
            "abstained": False,
            "slope_per_hour": _hourly(line.slope),
            "exhaustion_seconds": _whole(found.expected),
            "exhaustion_low_seconds": _whole(found.soonest),
            "exhaustion_high_seconds": _whole(found.latest),
            "message": f"{driving.name} is at {base.current} of {base.limit}, {slopes}: {_when(found)}",
        }
    )


def _reach(left: float, slope: float) -> float | None:
    if left <= 0:
        return 0.0
    if slope <= 0 or left / slope > HORIZON_SECONDS or not math.isfinite(left / slope):
        return None
    return left / slope


def _urgency(found: Outlook) -> tuple[float, bool, float]:
    ends = found.expected if found.expected is not None else math.inf
    return ends, not found.driving.pressed, -found.driving.filled


def _when(found: Outlook) -> str:
    if found.expected is None:
        return "the limit is not reached within a day"
    if found.expected == 0:
        return "the limit is reached"
    soonest = duration(found.soonest) if found.soonest is not None else "?"
    latest = duration(found.latest) if found.latest is not None else "more than a day"
    return f"the limit is reached in {duration(found.expected)} ({soonest} to {latest})"


def _hourly(slope: float) -> str:
    return f"{readable(slope * 3600)}/h"


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds)
