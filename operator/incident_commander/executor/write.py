"""One write to one object: dry-run first, then the same request for good."""

from __future__ import annotations

from dataclasses import dataclass

from incident_commander.actions.write import already_applied, json_patch
from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef
from incident_commander.api.names import FIELD_MANAGER_EXECUTOR
from incident_commander.api.plan import Step, Verb
from incident_commander.errors import NotFound, Refusal
from incident_commander.ports import Cluster, Object, PatchType


@dataclass(frozen=True, slots=True)
class Written:
    """The object right after the write; zero and empty when it was deleted."""

    generation: int | None = None
    resource_version: str = ""


async def read_target(cluster: Cluster, target: TargetRef) -> Object:
    """The object now. Raises ``NotFound``."""
    kind = _kind(target)
    obj = await cluster.get(kind, target.namespace if kind.namespaced else None, target.name)
    return {"apiVersion": kind.api_version, "kind": kind.kind, **obj}


async def write(cluster: Cluster, step: Step, current: Object, *, dry_run: bool) -> Written:
    """Ask the API server to make the step's change to ``current`` and to no later version of it.

    Raises ``Conflict`` when the object changed since ``current`` was read, and other ``ClusterError``.
    """
    target, kind = step.target, _kind(step.target)
    namespace = target.namespace if kind.namespaced else None
    if step.verb is Verb.DELETE:
        meta = current["metadata"]
        await cluster.delete(
            kind,
            namespace,
            target.name,
            uid=meta.get("uid"),
            resource_version=meta.get("resourceVersion"),
            dry_run=dry_run,
        )
        return Written()
    result = await cluster.patch(
        kind,
        namespace,
        target.name,
        json_patch(step, current),
        patch_type=PatchType.JSON,
        subresource=step.subresource,
        dry_run=dry_run,
        field_manager=FIELD_MANAGER_EXECUTOR,
    )
    meta = result.get("metadata", {})
    return Written(meta.get("generation"), meta.get("resourceVersion", ""))


async def already_written(cluster: Cluster, step: Step) -> Written | None:
    """What the object looks like if the step's change stands there already, else None."""
    try:
        current = await read_target(cluster, step.target)
    except NotFound:
        return Written() if step.verb is Verb.DELETE else None
    meta = current["metadata"]
    same = not step.target.uid or meta.get("uid") == step.target.uid
    if step.verb is Verb.DELETE:
        gone = not same or meta.get("deletionTimestamp") is not None
        return Written() if gone else None
    if same and already_applied(step, current):
        return Written(meta.get("generation"), meta.get("resourceVersion", ""))
    return None


def _kind(target: TargetRef) -> Kind:
    kind = kinds.kind_of(target.api_version, target.kind)
    if kind is None:
        raise Refusal("KindUnknown", f"{target}: {target.api_version} {target.kind} is not a kind of the catalogue")
    return kind
