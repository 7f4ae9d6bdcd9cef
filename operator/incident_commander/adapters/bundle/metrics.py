"""The Prometheus of a bundle: answers a named query from ``metrics/NAME.json``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from incident_commander.adapters.bundle.bundle import Bundle
from incident_commander.errors import MetricsUnavailable
from incident_commander.evidence.queries import pod_pattern
from incident_commander.ports import Query, Series

_NO_LABELS = frozenset({"window", "promql", "kind", "name"})
"""Parameters of a query that are no labels of what it finds."""

STALENESS_SECONDS = 300.0
"""An instant query finds a sample that is at most so old (Prometheus' lookback)."""


class BundleMetrics:
    """``ports.Metrics``. Raises ``MetricsUnavailable`` for a query that was not recorded."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    async def query(self, query: Query, at: datetime) -> list[Series]:
        """The last recorded sample before ``at`` of each series."""
        newest = at.timestamp()
        found = await self.query_range(query, datetime.fromtimestamp(newest - STALENESS_SECONDS, at.tzinfo), at, 1)
        return [Series(series.labels, series.points[-1:]) for series in found]

    async def query_range(self, query: Query, start: datetime, end: datetime, step_seconds: int) -> list[Series]:
        """The recorded samples between ``start`` and ``end``, at the steps that they were recorded with."""
        recorded = self._bundle.series().get(query.name)
        if recorded is None:
            raise MetricsUnavailable("not recorded in the bundle")
        wanted = _selection(query.params)
        first, last = start.timestamp(), end.timestamp()
        found = []
        for series in recorded:
            if wanted(series.labels):
                points = tuple(point for point in series.points if first <= point[0] <= last)
                if points:
                    found.append(Series(series.labels, points))
        return found


def _selection(params: Mapping[str, str]) -> Callable[[Mapping[str, str]], bool]:
    """What the parameters of a query select among series that were recorded for a whole namespace."""
    labels = {key: text for key, text in params.items() if key not in _NO_LABELS}
    kind, name = params.get("kind", ""), params.get("name", "")
    name = "" if kind == "Namespace" else name
    pattern = re.compile(pod_pattern(kind, name)) if name else None

    def selects(found: Mapping[str, str]) -> bool:
        if any(key in found and found[key] != text for key, text in labels.items()):
            return False
        if pattern is not None and "pod" in found:
            return pattern.fullmatch(found["pod"]) is not None
        own = kind.lower()
        return not name or own not in found or found[own] == name

    return selects
