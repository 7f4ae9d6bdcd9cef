"""What Prometheus' HTTP API answers, as series."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from incident_commander.ports import Series


def parse_result(data: Mapping[str, Any]) -> list[Series]:
    """Series from the ``data`` of an answer, without NaN points and without series that then have none.

    Native histograms carry no single value and are left out. Raises KeyError, TypeError or ValueError
    for another form.
    """
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        rows: list[tuple[Mapping[str, str], list[Any]]] = [({}, [result])]
    elif kind == "vector":
        rows = [(row["metric"], [row["value"]] if "value" in row else []) for row in result]
    elif kind == "matrix":
        rows = [(row["metric"], row.get("values") or []) for row in result]
    else:
        raise ValueError(f"resultType {kind!r}")
    series = (Series(labels=labels, points=tuple(_points(points))) for labels, points in rows)
    return [one for one in series if one.points]


def _points(points: list[Any]) -> list[tuple[float, float]]:
    parsed = [(float(at), float(value)) for at, value in points]
    return [point for point in parsed if not math.isnan(point[1])]
