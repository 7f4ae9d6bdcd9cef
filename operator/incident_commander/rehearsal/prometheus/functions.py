"""PromQL's functions over ranges and over values (``promql/functions.go``)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

Points = Sequence[tuple[float, float]]
"""(unix seconds, value), in time order."""


def extrapolated(points: Points, start: float, end: float, *, counter: bool, per_second: bool) -> float | None:
    """``rate``, ``increase`` and ``delta``: the change over the window, extrapolated to its bounds."""
    if len(points) < 2:
        return None
    change = points[-1][1] - points[0][1]
    if counter:
        for (_, before), (_, after) in pairwise(points):
            if after < before:
                change += before
    covered = points[-1][0] - points[0][0]
    between = covered / (len(points) - 1)
    to_start, to_end = points[0][0] - start, end - points[-1][0]
    threshold = between * 1.1
    to_start = to_start if to_start < threshold else between / 2
    if counter and change > 0 and points[0][1] >= 0:
        to_start = min(to_start, covered * (points[0][1] / change))
    to_end = to_end if to_end < threshold else between / 2
    result = change * (covered + to_start + to_end) / covered
    return result / (end - start) if per_second else result


def regression(points: Points, origin: float) -> tuple[float, float] | None:
    """(slope a second, value at ``origin``) by least squares; None for fewer than two points."""
    if len(points) < 2:
        return None
    xs = [moment - origin for moment, _ in points]
    ys = [value for _, value in points]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    if spread == 0:
        return None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread
    return slope, mean_y - slope * mean_x


def quantile(q: float, values: Sequence[float]) -> float:
    """The q-quantile by linear interpolation."""
    if q < 0 or q > 1:
        return math.inf if q > 1 else -math.inf
    ordered = sorted(values)
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def _steps(points: Points, count: Callable[[float, float], bool]) -> float:
    return float(sum(count(a, b) for (_, a), (_, b) in pairwise(points)))


def _irate(points: Points) -> float | None:
    if len(points) < 2:
        return None
    (before, low), (after, high) = points[-2:]
    return (high - low if high >= low else high) / (after - before)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    mean = _mean(values)
    return math.sqrt(_mean([(value - mean) ** 2 for value in values]))


RANGE: Mapping[str, Callable[[Points], float | None]] = {
    "irate": _irate,
    "idelta": lambda points: points[-1][1] - points[-2][1] if len(points) > 1 else None,
    "changes": lambda points: _steps(points, lambda a, b: a != b),
    "resets": lambda points: _steps(points, lambda a, b: b < a),
    "deriv": lambda points: (regression(points, points[0][0]) or (None,))[0],
    "avg_over_time": lambda points: _mean([value for _, value in points]),
    "sum_over_time": lambda points: sum(value for _, value in points),
    "min_over_time": lambda points: min(value for _, value in points),
    "max_over_time": lambda points: max(value for _, value in points),
    "stddev_over_time": lambda points: _deviation([value for _, value in points]),
    "count_over_time": lambda points: float(len(points)),
    "last_over_time": lambda points: points[-1][1],
    "present_over_time": lambda _: 1.0,
}
"""Functions of one range vector; never given an empty range."""

VALUE: Mapping[str, Callable[[float], float]] = {
    "abs": abs,
    "ceil": lambda value: float(math.ceil(value)),
    "floor": lambda value: float(math.floor(value)),
    "sqrt": lambda value: math.sqrt(value) if value >= 0 else math.nan,
    "exp": math.exp,
    "ln": lambda value: math.log(value) if value > 0 else math.nan,
    "sgn": lambda value: float((value > 0) - (value < 0)),
}
"""Functions of one value."""


def arithmetic(operator: str, left: float, right: float) -> float:
    """IEEE arithmetic: a division by zero is not an error."""
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if operator == "^":
        return float(left**right)
    if right == 0:
        return math.nan if left == 0 or operator == "%" else math.copysign(math.inf, left)
    return left / right if operator == "/" else math.fmod(left, right)


COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
AGGREGATE: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "min": min,
    "max": max,
    "avg": _mean,
    "count": lambda values: float(len(values)),
    "group": lambda _: 1.0,
}
