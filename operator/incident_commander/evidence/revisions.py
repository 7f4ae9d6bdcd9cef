"""The revisions of a workload, newest first, and which of them a pod belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from incident_commander.api import kinds
from incident_commander.evidence import fields
from incident_commander.evidence.owners import Objects, controller, owns
from incident_commander.ports import Object

REVISION_ANNOTATION = "deployment.kubernetes.io/revision"
_HASH = "controller-revision-hash"


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of a pod template.

    ``since`` is when it became the newest, as far as known. ``source`` is its ReplicaSet or
    ControllerRevision; ``template`` the pod template (``metadata`` and ``spec``).
    """

    number: int
    name: str
    since: datetime | None
    template: dict[str, Any]
    source: Object


def revisions(workload: Object, objects: Objects) -> list[Revision]:
    """All known revisions of a Deployment, StatefulSet or DaemonSet, newest first."""
    kind = fields.text(workload, "kind")
    if kind == "Deployment":
        return _of_deployment(workload, objects)
    if kind in ("StatefulSet", "DaemonSet"):
        return _of_controller_revisions(workload, objects)
    return []


def in_newest(pod: Object, workload: Object, known: Sequence[Revision]) -> bool | None:
    """Whether the pod is of the newest of the workload's ``known`` revisions; None when that cannot be told."""
    kind = fields.text(workload, "kind")
    if kind not in ("Deployment", "StatefulSet", "DaemonSet"):
        return True
    if kind == "StatefulSet" and (update := fields.text(workload, "status", "updateRevision")):
        return fields.text(pod, "metadata", "labels", _HASH) == update
    if not known:
        return None
    newest = known[0]
    if kind == "Deployment":
        ref = controller(pod)
        return ref is not None and ref.name == newest.name
    hashed = fields.text(newest.source, "metadata", "labels", _HASH)
    return fields.text(pod, "metadata", "labels", _HASH) == hashed if hashed else None


def pods_of_revision(revision: Revision, pods: list[Object]) -> list[Object]:
    """Those of the pods that belong to the revision."""
    if fields.text(revision.source, "kind") == "ReplicaSet":
        return [p for p in pods if (ref := controller(p)) is not None and ref.name == revision.name]
    hashed = fields.text(revision.source, "metadata", "labels", _HASH)
    return [p for p in pods if hashed and fields.text(p, "metadata", "labels", _HASH) == hashed]


def _of_deployment(deployment: Object, objects: Objects) -> list[Revision]:
    owned = [r for r in objects.get(kinds.REPLICA_SET.resource, ()) if owns(deployment, r)]
    numbered = sorted(((_number(r), r) for r in owned), key=lambda pair: (-pair[0], fields.name(pair[1])))
    found: list[Revision] = []
    for place, (number, replica_set) in enumerate(numbered):
        since = fields.created(replica_set)
        others = [fields.created(r) for _, r in numbered if r is not replica_set]
        if place == 0 and since is not None and any(o is not None and o > since for o in others):
            # Rolled back: the ReplicaSet is older than its being the newest.
            since = fields.moment(fields.condition(deployment, "Progressing"), "lastUpdateTime")
        template = fields.mapping(replica_set, "spec", "template")
        found.append(Revision(number, fields.name(replica_set), since, template, replica_set))
    return found


def _of_controller_revisions(workload: Object, objects: Objects) -> list[Revision]:
    owned = [r for r in objects.get(kinds.CONTROLLER_REVISION.resource, ()) if owns(workload, r)]
    numbered = sorted(owned, key=lambda r: -(fields.integer(r, "revision") or 0))
    return [
        Revision(
            fields.integer(r, "revision") or 0,
            fields.name(r),
            fields.created(r),
            fields.mapping(r, "data", "spec", "template"),
            r,
        )
        for r in numbered
    ]


def _number(replica_set: Object) -> int:
    written = fields.text(replica_set, "metadata", "annotations", REVISION_ANNOTATION)
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else 0
