"""Which series drive the target towards a limit: memory of its containers, use of its volumes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from incident_agents.prediction.trend import Point
from incident_commander.api import kinds
from incident_commander.evidence import fields, pods
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.owners import claims_of, find, pods_of
from incident_commander.ports import Object, Series

_RECENT = timedelta(minutes=5)
"""Prometheus' own staleness: a series that ended earlier belongs to a pod that is gone."""

_UNITS = ("", "Ki", "Mi", "Gi", "Ti")


@dataclass(frozen=True, slots=True)
class Driving:
    """A series in bytes and the limit that ends it. ``pressed``: it has hit that limit already."""

    name: str
    ref: str
    """For citations: ``Pod/namespace/name/container`` or ``PersistentVolumeClaim/namespace/name``."""
    query: str
    points: Sequence[Point]
    limit: float
    pressed: bool = False

    @property
    def current(self) -> float:
        """The latest value."""
        return self.points[-1][1]

    @property
    def filled(self) -> float:
        """Share of the limit in use."""
        return self.current / self.limit


def driving_series(evidence: Evidence) -> list[Driving]:
    """All that are known, the fullest first."""
    found = [*_memory(evidence), *_volumes(evidence)]
    return sorted(found, key=lambda d: (not d.pressed, -d.filled, d.ref))


def _memory(evidence: Evidence) -> Iterator[Driving]:
    used = evidence.metrics.get("container_memory_working_set")
    if used is None:
        return
    merged = _merged(used.series, ("namespace", "pod", "container"), evidence)
    for pod in _pods(evidence):
        for container in pods.containers(pod):
            key = (fields.namespace(pod), fields.name(pod), container.name)
            limit = fields.quantity(container.spec, "resources", "limits", "memory")
            if key not in merged or limit is None or limit <= 0:
                continue
            ended = container.termination()
            killed = ended is not None and fields.text(ended[1], "reason") == "OOMKilled"
            yield Driving(
                f"memory working set of {key[1]}/{container.name}",
                f"Pod/{key[0]}/{key[1]}/{container.name}",
                used.query.promql,
                merged[key],
                float(limit),
                killed,
            )


def _volumes(evidence: Evidence) -> Iterator[Driving]:
    used, capacity = evidence.metrics.get("volume_used"), evidence.metrics.get("volume_capacity")
    if used is None or capacity is None:
        return
    mine = {claim for pod in _pods(evidence) for claim in claims_of(pod)}
    target = evidence.target
    if target is not None and target.kind == "PersistentVolumeClaim":
        mine.add(target.name)
    labels = ("namespace", "persistentvolumeclaim")
    limits = _merged(capacity.series, labels, evidence)
    for key, points in _merged(used.series, labels, evidence).items():
        limit = limits[key][-1][1] if key in limits else 0.0
        if key[1] in mine and limit > 0:
            full = points[-1][1] >= 0.99 * limit
            ref = f"PersistentVolumeClaim/{key[0]}/{key[1]}"
            yield Driving(f"used bytes of volume {key[1]}", ref, used.query.promql, points, limit, full)


def _merged(
    series: Sequence[Series], labels: tuple[str, ...], evidence: Evidence
) -> Mapping[tuple[str, ...], Sequence[Point]]:
    """One line for each object: a restarted container begins a new series, which overlaps the old for a while."""
    lines: dict[tuple[str, ...], dict[float, float]] = {}
    for one in series:
        line = lines.setdefault(tuple(one.labels.get(label, "") for label in labels), {})
        for at, value in one.points:
            line[at] = max(value, line.get(at, value))
    oldest = (evidence.captured_at - _RECENT).timestamp()
    return {key: sorted(line.items()) for key, line in lines.items() if line and max(line) >= oldest}


def _pods(evidence: Evidence) -> list[Object]:
    target = evidence.target
    kind = kinds.kind_of(target.api_version, target.kind) if target is not None else None
    if target is None or kind is None:
        return []
    obj = find(evidence.objects, kind, target.namespace, target.name)
    return pods_of(obj, evidence.objects) if obj is not None else []


def readable(size: float) -> str:
    """Bytes for people: three digits and a binary unit."""
    amount, unit = abs(size), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    sign = "-" if size < 0 else ""
    return f"{sign}{amount:.3g}{_UNITS[unit]}" if amount < 999.5 else f"{sign}{amount:.0f}{_UNITS[unit]}"
