"""The outside, as small as a test of gathering needs it: lists of objects, refusals, slowness."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.errors import ClusterError, NotFound
from incident_commander.evidence.selectors import matches_labels, parse_labels
from incident_commander.ports import Object, PatchType, Propagation, Query, Series
from tests.unit.diagnosis.builders import NOW, NS


class FakeCluster:
    """Answers reads from objects; raises or hangs where it is told to. Writes are not for this."""

    def __init__(
        self,
        *objects: Object,
        refuse: Mapping[Kind, ClusterError] | None = None,
        hang: Sequence[Kind] = (),
        logs: Mapping[tuple[str, str, bool], str | Exception] | None = None,
    ) -> None:
        self.objects, self.refuse, self.hang = objects, refuse or {}, hang
        self.log_texts = logs or {}
        self.calls: list[str] = []
        self.running = self.most_running = 0

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        if kind == kinds.NAMESPACE and kind not in self.refuse and name == NS:
            return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for obj in await self.list(kind, namespace):
            if obj["metadata"]["name"] == name:
                return obj
        raise NotFound(f"{kind.resource} {name} not found")

    async def list(
        self, kind: Kind, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> list[Object]:
        self.calls.append(f"list {kind.resource} {namespace} {fields}")
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        try:
            await asyncio.sleep(3600 if kind in self.hang else 0)
        finally:
            self.running -= 1
        if kind in self.refuse:
            raise self.refuse[kind]
        return [
            o
            for o in self.objects
            if o.get("kind") == kind.kind and namespace in (None, o.get("metadata", {}).get("namespace"))
            if labels is None or matches_labels(o, parse_labels(labels))
        ]

    async def create(
        self, kind: Kind, namespace: str | None, body: Object, *, dry_run: bool = False, field_manager: str = ""
    ) -> Object:
        raise AssertionError("gathering writes nothing")

    async def patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        body: Any,
        *,
        patch_type: PatchType,
        subresource: str | None = None,
        dry_run: bool = False,
        field_manager: str = "",
    ) -> Object:
        raise AssertionError("gathering writes nothing")

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation | None = None,
        dry_run: bool = False,
    ) -> None:
        raise AssertionError("gathering writes nothing")

    async def evict(
        self,
        namespace: str,
        pod: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> None:
        raise AssertionError("gathering writes nothing")

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
        self.calls.append(f"log {pod} {container}{' previous' if previous else ''}")
        found = self.log_texts.get((pod, container, previous), "")
        if isinstance(found, Exception):
            raise found
        return found

    async def offers(self, kind: Kind, subresource: str | None = None, *, fresh: bool = False) -> bool:
        return kind in kinds.ALL


class FakeMetrics:
    """Answers by the query's name."""

    def __init__(self, answers: Mapping[str, list[Series] | Exception] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[str] = []

    async def query(self, query: Query, at: datetime) -> list[Series]:
        self.asked.append(query.name)
        found = self.answers.get(query.name, [])
        if isinstance(found, Exception):
            raise found
        return found

    async def query_range(self, query: Query, start: datetime, end: datetime, step_seconds: int) -> list[Series]:
        return await self.query(query, end)


class FakeClock:
    """Time that stands still, or jumps by ``step`` seconds each time that it is looked at."""

    def __init__(self, step: float = 0) -> None:
        self._now, self._step = NOW, timedelta(seconds=step)

    def now(self) -> datetime:
        self._now += self._step
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
