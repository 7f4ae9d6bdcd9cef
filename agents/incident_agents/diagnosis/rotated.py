"""Secrets and ConfigMaps changed after a container had read them: an environment is read at the start alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.ports import Object

_SOURCES = (
    ("secretKeyRef", kinds.SECRET),
    ("configMapKeyRef", kinds.CONFIG_MAP),
    ("secretRef", kinds.SECRET),
    ("configMapRef", kinds.CONFIG_MAP),
)


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was changed, as ``Kind NAME``, and where that stands."""

    name: str
    evidence: tuple[Citation, ...]


def rotated(case: Case, workload: Workload) -> Rotated | None:
    """The latest change of what the environment of a running container is made of, since that container started."""
    found: list[tuple[datetime, Rotated]] = []
    for pod in workload.living:
        for container in pods.containers(pod):
            started = fields.moment(container.status, "state", "running", "startedAt")
            for kind, name in _read(container.spec) if started is not None else ():
                source = case.find(kind, fields.namespace(pod), name)
                edit = _last_edit(source) if source is not None else None
                if source is not None and edit is not None and started is not None and edit[0] > started:
                    at, path = edit
                    cited = (
                        citing.of_object(source, path),
                        citing.of_object(pod, f"{container.path}.state.running.startedAt"),
                    )
                    found.append((at, Rotated(f"{kind.kind} {name}", cited)))
    return max(found, key=lambda pair: pair[0], default=(None, None))[1]


def _read(spec: dict[str, Any]) -> Iterator[tuple[kinds.Kind, str]]:
    parts = [fields.mapping(v, "valueFrom") for v in fields.items(spec, "env")]
    for part in (*parts, *fields.items(spec, "envFrom")):
        for field, kind in _SOURCES:
            if name := fields.text(part, field, "name"):
                yield kind, name


def _last_edit(obj: Object) -> tuple[datetime, str] | None:
    entries = fields.items(obj, "metadata", "managedFields")
    edits = [
        (at, f"metadata.managedFields[{n}].time") for n, e in enumerate(entries) if (at := fields.moment(e, "time"))
    ]
    return max(edits, default=None)
