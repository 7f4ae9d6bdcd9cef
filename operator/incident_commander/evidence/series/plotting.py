"""A series in one or three lines of text."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from incident_commander.evidence.series.samples import Array, Points, samples

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-~=+*#"
"""The same heights for terminals without Unicode."""
_GAP = " "


def sparkline(points: Points, *, width: int = 60, ascii_only: bool = False) -> str:
    """One character for each of ``width`` equal stretches of time: the highest value in it; blank where there is none.

    Empty when there are no points.
    """
    times, values = samples(points)
    if not len(values):
        return ""
    marks = PLAIN if ascii_only else BLOCKS
    columns = _columns(times, float(times[0]), float(times[-1]), width)
    low, high = float(np.min(values)), float(np.max(values))
    tops = np.full(width, -np.inf)
    np.maximum.at(tops, columns, values)
    middle = len(marks) // 2
    # Halves: the range of the values itself may be beyond what a float holds.
    span = high / 2 - low / 2
    heights = (tops / 2 - low / 2) / span if span > 0 else np.where(np.isfinite(tops), middle / len(marks), -np.inf)
    return "".join(
        marks[min(len(marks) - 1, int(height * len(marks)))] if np.isfinite(height) else _GAP for height in heights
    )


def inline(points: Points, *, at: float | None = None, width: int = 24) -> str:
    """The sparkline for the middle of a sentence, with ``|`` before the column in which ``at`` lies."""
    times, _ = samples(points)
    line = sparkline(points, width=width).rstrip()
    if not line or at is None or not times[0] <= at <= times[-1]:
        return f"[{line}]" if line else ""
    column = int(_columns(np.array([at]), float(times[0]), float(times[-1]), width)[0])
    return f"[{line[:column]}|{line[column:]}]"


def plot(
    points: Points, *, unit: str = "", at: float | None = None, width: int = 80, ascii_only: bool = False
) -> tuple[str, ...]:
    """The sparkline between its lowest and highest value; under it the times of its ends, and a mark at ``at``.

    Every line is at most ``width`` characters wide. Empty when there are no points.
    """
    times, values = samples(points)
    if not len(values):
        return ()
    lowest, highest = f"{float(np.min(values)):.3g}", f"{float(np.max(values)):.3g} {unit}".rstrip()
    room = max(20, min(width - len(lowest) - len(highest) - 2, _steps(times)))
    line = sparkline(points, width=room, ascii_only=ascii_only)
    start, end = (datetime.fromtimestamp(float(moment), UTC).strftime("%H:%M:%SZ") for moment in (times[0], times[-1]))
    below = [" "] * room
    below[: len(start)] = start
    below[room - len(end) :] = end
    if at is not None and times[0] <= at <= times[-1]:
        below[int(_columns(np.array([at]), float(times[0]), float(times[-1]), room)[0])] = "^"
    return (f"{lowest} {line} {highest}"[:width], (" " * (len(lowest) + 1) + "".join(below))[:width].rstrip())


def _steps(times: Array) -> int:
    """How many samples there would be without gaps: more columns than that would look like gaps."""
    usual = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    return min(1000, int((times[-1] - times[0]) / usual + 1.5)) if usual > 0 else 1


def _columns(times: Array, start: float, end: float, width: int) -> NDArray[np.int64]:
    span = end - start
    if span <= 0:
        return np.zeros(len(times), dtype=np.int64)
    return np.minimum(width - 1, ((times - start) / span * width).astype(np.int64))
