"""Whose pods are, in a recording that left all owners out: by the selectors that their controllers go by.

A controller adopts every pod that it selects and nobody owns, so a cluster shows hardly any. Where one pod has an
owner, the recording has owners, and a pod without one is on its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.evidence import fields
from incident_commander.evidence.owners import selects
from incident_commander.ports import Object

OWNERS: Mapping[str, tuple[Kind, ...]] = {
    kinds.POD.resource: (kinds.REPLICA_SET, kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET),
    kinds.REPLICA_SET.resource: (kinds.DEPLOYMENT,),
}
"""Who may own objects of a kind (by ``Kind.resource``), the nearest first."""


def adopted(objects: Sequence[Any], owners: Mapping[Kind, Sequence[Any]]) -> list[Any]:
    """The objects, each with the one controller that selects it, unless any of them has an owner."""
    known = [o for o in objects if isinstance(o, dict)]
    if any(fields.items(o, "metadata", "ownerReferences") for o in known):
        return list(objects)
    return [_with_owner(o, owners) if isinstance(o, dict) else o for o in objects]


def _with_owner(obj: Object, owners: Mapping[Kind, Sequence[Any]]) -> Object:
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        return obj
    for kind, candidates in owners.items():
        found = [c for c in candidates if isinstance(c, dict) and _selects(c, obj)]
        if len(found) == 1:
            owner = {"apiVersion": kind.api_version, "kind": kind.kind, "name": fields.name(found[0])}
            return {**obj, "metadata": {**metadata, "ownerReferences": [{**owner, "controller": True}]}}
    return obj


def _selects(owner: Object, obj: Object) -> bool:
    selector = fields.mapping(owner, "spec", "selector")
    here = fields.namespace(owner) == fields.namespace(obj)
    labels = fields.strings(obj, "metadata", "labels") or fields.strings(obj, "spec", "template", "metadata", "labels")
    return here and "matchExpressions" not in selector and selects(fields.strings(selector, "matchLabels"), labels)
