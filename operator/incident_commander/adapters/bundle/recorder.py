"""Keeps what the outside answered while something else gathers from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from incident_commander.adapters.bundle.read_only import ReadOnly
from incident_commander.api.kinds import Kind
from incident_commander.errors import NotFound
from incident_commander.evidence import fields as read
from incident_commander.ports import Cluster, LogPlace, Metrics, Object, Query, Series

Objects = list[Object]
"""Because ``list`` is a method here."""


class RecordingCluster(ReadOnly):
    """``ports.Cluster`` for whoever reads."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._objects: dict[Kind, dict[tuple[str, str], Object]] = {}
        self.logs_read: dict[LogPlace, str] = {}

    def answers(self) -> Iterator[tuple[Kind, Objects]]:
        """The kinds that were asked for, with every object that was seen."""
        for kind, found in self._objects.items():
            yield kind, list(found.values())

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """Passed on; one object does not tell what else there is, so it is not kept."""
        return await self._cluster.get(kind, namespace, name)

    async def list(
        self, kind: Kind, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> Objects:
        """Passed on and kept."""
        try:
            found = await self._cluster.list(kind, namespace, labels=labels, fields=fields)
        except NotFound:
            self._objects.setdefault(kind, {})  # asked, and there are none: the resource is not installed
            raise
        kept = self._objects.setdefault(kind, {})
        for place, obj in enumerate(found):
            kept[read.namespace(obj), read.name(obj) or f"#{place}"] = obj
        return found

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool = False,
        tail_lines: int = 200,
        limit_bytes: int = 262_144,
    ) -> str:
        """Passed on and kept."""
        text = await self._cluster.logs(
            namespace, pod, container, previous=previous, tail_lines=tail_lines, limit_bytes=limit_bytes
        )
        self.logs_read[LogPlace(namespace, pod, container, previous)] = text
        return text

    async def offers(self, kind: Kind, subresource: str | None = None, *, fresh: bool = False) -> bool:
        """Passed on."""
        return await self._cluster.offers(kind, subresource, fresh=fresh)


class RecordingMetrics:
    """``ports.Metrics``."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.answers: dict[str, list[Series]] = {}

    async def query(self, query: Query, at: datetime) -> list[Series]:
        """Passed on and kept."""
        return self._kept(query, await self._metrics.query(query, at))

    async def query_range(self, query: Query, start: datetime, end: datetime, step_seconds: int) -> list[Series]:
        """Passed on and kept."""
        return self._kept(query, await self._metrics.query_range(query, start, end, step_seconds))

    def _kept(self, query: Query, series: list[Series]) -> list[Series]:
        known = self.answers.setdefault(query.name, [])
        known += [one for one in series if all(one.labels != other.labels for other in known)]
        return series
