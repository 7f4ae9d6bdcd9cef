"""Gathers evidence through the ports: in parallel, within bounds, and with every refusal as a named gap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef
from incident_commander.errors import ClusterError, LogsUnavailable, MetricsUnavailable
from incident_commander.evidence import fields, pods, queries
from incident_commander.evidence.evidence import Evidence, Log, Measured
from incident_commander.evidence.lines import clean_line, clean_lines
from incident_commander.evidence.owners import pods_of
from incident_commander.evidence.scope import DEFAULT_LIMITS, FULL, Limits, Scope
from incident_commander.evidence.trim import relevant_first, size_of, sound, trim
from incident_commander.ports import Clock, Cluster, Metrics, Object, Query

_T = TypeVar("_T")

_EVENTS_OF_NODES_IN = "default"
"""The kubelet and the node controller write events about nodes there."""


async def gather(
    target: TargetRef | None,
    *,
    cluster: Cluster,
    metrics: Metrics | None,
    clock: Clock,
    namespace: str,
    scope: Scope = FULL,
    limits: Limits = DEFAULT_LIMITS,
    alert_labels: Sequence[Mapping[str, str]] = (),
) -> Evidence:
    """Evidence about ``target`` and its ``namespace``. Never raises for what the outside refuses.

    ``metrics`` None: there is no Prometheus, which is named as a gap where metrics are in scope.
    """
    gathering = _Gathering(cluster, metrics, clock, namespace, target, limits)
    await gathering.read_objects(scope)
    followers: list[Awaitable[None]] = []
    if scope.logs:
        followers.append(gathering.read_logs())
    if scope.metrics:
        followers.append(gathering.read_metrics(alert_labels))
    await asyncio.gather(*followers)
    return gathering.evidence()


class _Gathering:
    """One gathering: what came so far, and what is left of the bounds."""

    def __init__(
        self,
        cluster: Cluster,
        metrics: Metrics | None,
        clock: Clock,
        namespace: str,
        target: TargetRef | None,
        limits: Limits,
    ) -> None:
        self._cluster, self._metrics, self._clock = cluster, metrics, clock
        self._namespace, self._target, self._limits = namespace, target, limits
        self._started = clock.now()
        self._deadline = asyncio.get_running_loop().time() + limits.seconds
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._calls = 0
        self._bytes = 0
        self._gaps: list[str] = []
        self._objects: dict[str, list[Object]] = {}
        self._logs: list[Log] = []
        self._measured: dict[str, Measured] = {}

    def evidence(self) -> Evidence:
        """Everything gathered, as of the start."""
        shown = self._gaps[: self._limits.gaps]
        if len(self._gaps) > len(shown):
            shown.append(f"and {len(self._gaps) - len(shown)} more gaps")
        objects = {resource: tuple(found) for resource, found in self._objects.items()}
        return Evidence(self._target, self._started, objects, tuple(self._logs), self._measured, tuple(shown))

    async def read_objects(self, scope: Scope) -> None:
        """All kinds of the scope, and the target's own kind."""
        wanted = dict.fromkeys(scope.kinds)
        if self._target is not None and (own := kinds.kind_of(self._target.api_version, self._target.kind)):
            wanted.setdefault(own)
        wanted.pop(kinds.SECRET, None)
        answers = await asyncio.gather(*(self._list(kind) for kind in wanted))
        found = dict(zip(wanted, answers, strict=True))
        services = frozenset(fields.name(s) for s in found.get(kinds.SERVICE) or ())
        for kind, objects in found.items():
            if objects is not None:
                self._keep(kind, objects, services)

    async def _list(self, kind: Kind) -> list[Object] | None:
        namespace = self._namespace if kind.namespaced else None
        on_node = self._target.name if self._target is not None and self._target.kind == "Node" else None
        if kind == kinds.POD and on_node is not None:
            selector = f"spec.nodeName={on_node}"
            return await self._ask(f"pods on node {on_node}", lambda: self._cluster.list(kind, None, fields=selector))
        where = f" in {namespace}" if namespace is not None else ""
        found = await self._ask(f"{kind.resource}{where}", lambda: self._cluster.list(kind, namespace))
        if kind == kinds.EVENT and found is not None and namespace != _EVENTS_OF_NODES_IN:
            of_nodes = await self._ask(
                "events of nodes",
                lambda: self._cluster.list(kind, _EVENTS_OF_NODES_IN, fields="involvedObject.kind=Node"),
            )
            found = found + (of_nodes or [])
        return found

    def _keep(self, kind: Kind, objects: list[Object], services: frozenset[str]) -> None:
        kept: list[Object] = []
        readable = [o for o in objects if sound(o)]
        if len(readable) < len(objects):
            self._gap(f"{kind.resource}: {len(objects) - len(readable)} are not well-formed objects")
        for obj in relevant_first(kind, readable, self._target):
            trimmed = trim(kind, obj, services)
            size = size_of(trimmed)
            if len(kept) >= self._limits.objects_per_kind or self._bytes + size > self._limits.bytes:
                self._gap(f"{kind.resource}: {len(kept)} of {len(objects)} were looked at; the rest is over the bound")
                break
            self._bytes += size
            kept.append(trimmed)
        self._objects[kind.resource] = kept

    async def read_logs(self) -> None:
        """Last and previous logs of sick pods: of the target first, then of others, and of one healthy pod."""
        everything = self._objects.get(kinds.POD.resource, [])
        own = self._pods_of_target()
        names = {(fields.namespace(p), fields.name(p)) for p in own}
        sick = sorted((p for p in own if _sickness(p)), key=_sickness, reverse=True)
        well = [p for p in own if not _sickness(p) and pods.phase(p) == "Running"]
        others = [p for p in everything if (fields.namespace(p), fields.name(p)) not in names and _sickness(p)]
        others.sort(key=_sickness, reverse=True)
        chosen = sick[: self._limits.sick_pods] + well[:1] + others[: self._limits.other_pods]
        if len(sick) > self._limits.sick_pods:
            self._gap(f"logs: {self._limits.sick_pods} of {len(sick)} sick pods of the target were read")
        wanted = [(pod, c.name, previous) for pod in chosen for c in pods.containers(pod) for previous in _readable(c)]
        answers = await asyncio.gather(*(self._log(*place) for place in wanted))
        self._logs.extend(log for log in answers if log is not None)

    async def _log(self, pod: Object, container: str, previous: bool) -> Log | None:
        namespace, name = fields.namespace(pod), fields.name(pod)
        text = await self._ask(
            f"log of {namespace}/{name}/{container}{' (previous)' if previous else ''}",
            lambda: self._cluster.logs(
                namespace,
                name,
                container,
                previous=previous,
                tail_lines=self._limits.log_lines,
                limit_bytes=self._limits.log_bytes,
            ),
        )
        if text is None:
            return None
        return Log(namespace, name, container, previous, clean_lines(text, self._limits.log_lines))

    def _pods_of_target(self) -> list[Object]:
        if self._target is None:
            return []
        kind = kinds.kind_of(self._target.api_version, self._target.kind)
        if kind is None:
            return []
        for obj in self._objects.get(kind.resource, []):
            in_place = not kind.namespaced or fields.namespace(obj) == (self._target.namespace or "")
            if in_place and fields.name(obj) == self._target.name:
                return pods_of(obj, self._objects)
        return []

    async def read_metrics(self, alert_labels: Sequence[Mapping[str, str]]) -> None:
        """The series that diagnosis and prediction reason from."""
        if self._metrics is None:
            self._gap("metrics: no Prometheus is configured")
            return
        ranges, instants = self._queries(alert_labels)
        await asyncio.gather(
            *(self._measure(key, query, ranged=True) for key, query in ranges.items()),
            *(self._measure(key, query, ranged=False) for key, query in instants.items()),
        )

    def _queries(self, alert_labels: Sequence[Mapping[str, str]]) -> tuple[dict[str, Query], dict[str, Query]]:
        target, ranges, instants = self._target, {}, {}
        if target is not None and target.kind in queries.KINDS_WITH_PODS | {"Pod"}:
            for query in (
                queries.memory_working_set(target),
                queries.cpu_usage(target),
                queries.cpu_throttled(target),
                queries.restarts(target),
            ):
                ranges[query.name] = query
            instants["sample_age"] = queries.sample_age(target)
        if self._objects.get(kinds.PERSISTENT_VOLUME_CLAIM.resource):
            for query in (queries.volume_used(self._namespace), queries.volume_capacity(self._namespace)):
                ranges[query.name] = query
            query = queries.volume_inodes_ratio(self._namespace)
            instants[query.name] = query
        for n, labels in enumerate(alert_labels[:4]):
            instants["alert" if n == 0 else f"alert:{n}"] = queries.alert(labels, target)
        instants["sources_up"] = queries.sources_up()
        return ranges, instants

    async def _measure(self, key: str, query: Query, *, ranged: bool) -> None:
        metrics = self._metrics
        if metrics is None:
            return
        start = self._started - timedelta(seconds=self._limits.history_seconds)
        step = self._limits.step_seconds
        found = await self._ask(
            f"query {query.name}",
            lambda: (
                metrics.query_range(query, start, self._started, step)
                if ranged
                else metrics.query(query, self._started)
            ),
        )
        if found is not None:
            self._measured[key] = Measured(query, tuple(found))

    async def _ask(self, what: str, call: Callable[[], Awaitable[_T]]) -> _T | None:
        """One call within the bounds, or None and a gap."""
        async with self._slots:
            if self._calls >= self._limits.calls:
                self._gap(f"{what}: not asked, the bound of {self._limits.calls} calls is reached")
                return None
            if self._late(self._clock.now()):
                self._gap(f"{what}: not asked, the {self._limits.seconds:g} s for gathering are over")
                return None
            self._calls += 1
            try:
                async with asyncio.timeout_at(self._deadline):
                    return await call()
            except TimeoutError:
                self._gap(f"{what}: no answer within {self._limits.seconds:g} s")
            except ClusterError as error:
                self._gap(f"{what}: {error.reason}: {error}")
            except (LogsUnavailable, MetricsUnavailable) as error:
                self._gap(f"{what}: {error}")
            return None

    def _late(self, now: datetime) -> bool:
        """By the port's clock: in a rehearsal a slow answer takes no real time."""
        return now - self._started > timedelta(seconds=self._limits.seconds)

    def _gap(self, message: str) -> None:
        self._gaps.append(clean_line(message)[:500])


def _sickness(pod: Object) -> int:
    """0 for a pod that is well; higher the more there is to read in its logs."""
    if pods.phase(pod) == "Succeeded" or pods.terminating(pod):
        return 0
    found = pods.troubles(pod)
    restarts = sum(c.restarts for c in pods.containers(pod))
    crashed = any(t.exit_code not in (None, 0) for t in found)
    return 4 * crashed + 2 * bool(found) + (restarts > 0) + (not pods.ready(pod))


def _readable(container: pods.Container) -> tuple[bool, ...]:
    """Which logs exist: the current one once it has started, the previous one after a restart."""
    ended = container.termination()
    if not container.running and ended is None:
        return ()
    return (False, True) if container.restarts else (False,)
