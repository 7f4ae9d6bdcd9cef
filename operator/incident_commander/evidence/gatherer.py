"""Gathers evidence through the ports: in parallel, within bounds, and with every refusal as a named gap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta

from incident_commander.api import kinds
from incident_commander.api.incident import Alert
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef
from incident_commander.errors import NotFound, NotRecorded, Throttled, Unavailable
from incident_commander.evidence import fields
from incident_commander.evidence.calls import Calls
from incident_commander.evidence.evidence import Evidence, Log, Measured, Note
from incident_commander.evidence.gaps import Gaps
from incident_commander.evidence.lines import clean_line, clean_lines
from incident_commander.evidence.listing import Listing, listings, of_nodes
from incident_commander.evidence.log_places import worth_reading
from incident_commander.evidence.log_reader import live_logs, recorded_logs
from incident_commander.evidence.measuring import worth_asking
from incident_commander.evidence.owners import pods_of
from incident_commander.evidence.scope import DEFAULT_LIMITS, FULL, Limits, Scope
from incident_commander.evidence.surroundings import around
from incident_commander.evidence.trim import relevant_first, size_of, sound, trim
from incident_commander.ports import Clock, Cluster, Metrics, Object, Query, Recording, Series


async def gather(
    target: TargetRef | None,
    *,
    cluster: Cluster,
    metrics: Metrics | None,
    clock: Clock,
    namespace: str | None,
    scope: Scope = FULL,
    limits: Limits = DEFAULT_LIMITS,
    alert_labels: Sequence[Mapping[str, str]] = (),
    recording: Recording | None = None,
    alerts: Sequence[Alert] = (),
) -> Evidence:
    """Evidence about ``target`` and its ``namespace``. Never raises for what the outside refuses.

    ``target`` None: about everything there. ``namespace`` None: in all namespaces.
    ``metrics`` None: there is no Prometheus, which is named as a gap where metrics are in scope.
    ``alerts``: those that are active, where somebody asked.
    ``recording``: what is behind the ports was recorded; all of its logs are read, and its series and notes.
    """
    gathering = _Gathering(cluster, metrics, clock, namespace, target, limits, alerts)
    await gathering.read_objects(scope)
    followers: list[Awaitable[None]] = []
    if recording is not None:
        gathering.take(recording)
    if scope.logs:
        followers.append(gathering.read_logs(recording))
    if scope.metrics:
        followers.append(gathering.read_metrics(alert_labels, scope.surroundings))
    await asyncio.gather(*followers)
    return gathering.evidence()


class _Gathering:
    """One gathering: what came so far, and what is left of the bounds."""

    def __init__(
        self,
        cluster: Cluster,
        metrics: Metrics | None,
        clock: Clock,
        namespace: str | None,
        target: TargetRef | None,
        limits: Limits,
        alerts: Sequence[Alert],
    ) -> None:
        self._cluster, self._metrics = cluster, metrics
        self._namespace, self._target, self._limits = namespace, target, limits
        self._gaps = Gaps()
        self._calls = Calls(clock, limits, self._gaps)
        self._bytes = 0
        self._unanswered: list[Kind] = []
        self._partial: list[Kind] = []
        self._never_recorded: set[Kind] = set()
        self._objects: dict[str, list[Object]] = {}
        self._logs: list[Log] = []
        self._measured: dict[str, Measured] = {}
        self._ranged: set[str] = set()
        self._recorded = False
        self._series: Mapping[str, Sequence[Series]] = {}
        self._notes: list[Note] = []
        self._alerts = tuple(alerts)

    def evidence(self) -> Evidence:
        """Everything gathered, as of the start."""
        return Evidence(
            target=self._target,
            namespace=self._namespace,
            captured_at=self._calls.started,
            objects={resource: tuple(found) for resource, found in self._objects.items()},
            logs=tuple(self._logs),
            metrics=self._measured,
            series=self._series or {name: m.series for name, m in self._measured.items() if name in self._ranged},
            notes=tuple(self._notes),
            alerts=self._alerts,
            gaps=tuple(self._gaps.listed(self._limits.gaps)),
            unanswered=tuple(dict.fromkeys(kind.resource for kind in self._unanswered)),
            partial=tuple(dict.fromkeys(kind.resource for kind in self._partial)),
        )

    def take(self, recording: Recording) -> None:
        """What a recording holds beside objects."""
        self._recorded = True
        self._series = recording.series()
        lines = self._limits.log_lines
        for name, text in recording.notes().items():
            self._notes.append(Note(clean_line(name)[:253], clean_lines(text, lines)))
            if text.count("\n") > lines:
                self._gaps.add(f"the last {lines:,} lines were read", f"note {name}")
        self._alerts = tuple(recording.alerts())
        for finding in recording.findings():
            self._gaps.add(finding)

    async def read_objects(self, scope: Scope) -> None:
        """All kinds of the scope, and the target's own kind."""
        wanted = dict.fromkeys(scope.kinds)
        own = kinds.kind_of(self._target.api_version, self._target.kind) if self._target is not None else None
        if own is not None and own != kinds.SECRET:
            wanted.setdefault(own)
        answers = await asyncio.gather(*(self._list(kind, scope) for kind in wanted))
        found = dict(zip(wanted, answers, strict=True))
        if scope.surroundings and (listed := found.get(kinds.POD)):
            beside = await asyncio.gather(*(self._listed(one) for one in of_nodes(listed, self._namespace)))
            found[kinds.POD] = [*listed, *(pod for more in beside for pod in more or ())]
        services = frozenset(fields.name(s) for s in found.get(kinds.SERVICE) or ())
        for kind, objects in found.items():
            if objects is not None:
                self._keep(kind, objects, services)

    async def _list(self, kind: Kind, scope: Scope) -> list[Object] | None:
        """None when the first of the lists, which is the namespace's own, could not be read."""
        wanted = listings(kind, self._namespace, self._target, system=scope.surroundings)
        answers = await asyncio.gather(*(self._listed(one) for one in wanted))
        own = [answers[0]] if kind != kinds.LEASE else answers
        if all(answer is None for answer in own):
            self._partial += [] if kind in self._never_recorded else [kind]
            return None
        return [obj for answer in answers for obj in answer or ()]

    async def _listed(self, one: Listing) -> list[Object] | None:
        return await self._calls.ask(str(one), lambda: self._list_of(one))

    async def _list_of(self, one: Listing) -> list[Object]:
        try:
            return await self._cluster.list(one.kind, one.namespace, labels=one.labels, fields=one.fields)
        except NotFound:
            return []  # a resource that is not installed has no objects
        except (Unavailable, Throttled):
            self._unanswered.append(one.kind)
            raise
        except NotRecorded:
            self._never_recorded.add(one.kind)
            raise

    def _keep(self, kind: Kind, objects: list[Object], services: frozenset[str]) -> None:
        kept: list[Object] = []
        readable = [o for o in objects if sound(o)]
        if len(readable) < len(objects):
            self._gaps.add(f"{len(objects) - len(readable)} are not well-formed objects", kind.resource)
            self._partial.append(kind)
        for obj in relevant_first(kind, readable, self._target):
            trimmed = trim(kind, obj, services)
            size = size_of(trimmed)
            if len(kept) >= self._limits.objects_per_kind or self._bytes + size > self._limits.bytes:
                self._gaps.add(
                    f"{len(kept)} of {len(objects)} were looked at; the rest is over the bound", kind.resource
                )
                self._partial.append(kind)
                break
            self._bytes += size
            kept.append(trimmed)
        self._objects[kind.resource] = kept

    async def read_logs(self, recording: Recording | None) -> None:
        """All logs of a recording; of a cluster, last and previous logs that are worth the calls."""
        if recording is not None:
            self._logs = recorded_logs(recording, calls=self._calls, limits=self._limits, gaps=self._gaps)
            return
        everything, own = self._objects.get(kinds.POD.resource, []), self._pods_of_target()
        chosen, gaps = worth_reading(everything, own, self._target is not None, self._limits, self._namespace)
        for gap in gaps:
            self._gaps.add(gap, "logs")
        self._logs = await live_logs(
            chosen, cluster=self._cluster, calls=self._calls, limits=self._limits, gaps=self._gaps
        )

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

    async def read_metrics(self, alert_labels: Sequence[Mapping[str, str]], surroundings: bool) -> None:
        """The series that diagnosis and prediction reason from. A recording has those of the surroundings itself."""
        if self._metrics is None:
            self._gaps.add("not in the bundle" if self._recorded else "no Prometheus is configured", "metrics")
            return
        claims = bool(self._objects.get(kinds.PERSISTENT_VOLUME_CLAIM.resource))
        whole = self._namespace if not self._recorded else None
        ranges, instants = worth_asking(self._target, self._namespace, whole, claims, alert_labels)
        if surroundings and whole is not None:
            ranges |= {query.name: query for query in around(whole, self._nodes_in_use(whole))}
        await asyncio.gather(
            *(self._measure(key, query, ranged=True) for key, query in ranges.items()),
            *(self._measure(key, query, ranged=False) for key, query in instants.items()),
        )

    def _nodes_in_use(self, namespace: str) -> list[Object]:
        """The nodes of the target's pods, then those of the other pods of the namespace."""
        here = [p for p in self._objects.get(kinds.POD.resource, []) if fields.namespace(p) == namespace]
        names = dict.fromkeys(fields.text(p, "spec", "nodeName") for p in (*self._pods_of_target(), *here))
        known = {fields.name(n): n for n in self._objects.get(kinds.NODE.resource, [])}
        return [known[name] for name in names if name in known]

    async def _measure(self, key: str, query: Query, *, ranged: bool) -> None:
        metrics = self._metrics
        if metrics is None:
            return
        start = self._calls.started - timedelta(seconds=self._limits.history_seconds)
        step = self._limits.step_seconds
        found = await self._calls.ask(
            f"query {query.name}",
            lambda: (
                metrics.query_range(query, start, self._calls.started, step)
                if ranged
                else metrics.query(query, self._calls.started)
            ),
        )
        if found is not None:
            most = self._limits.series
            if len(found) > most:
                self._gaps.add(f"{most} of {len(found)} series were looked at", f"query {query.name}")
            self._measured[key] = Measured(query, tuple(found[:most]))
            self._ranged.update([key] if ranged else [])
