"""The current objects that an action looks at, read fresh from the API server.

Resolution, the voters and the executor all read through this one function, so that with equal objects they
compute equal steps.
"""

from __future__ import annotations

from incident_commander.actions.action import Situation
from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef
from incident_commander.errors import NotFound
from incident_commander.evidence import fields
from incident_commander.evidence.owners import MAX_CLIMB, Owner, controller
from incident_commander.ports import Cluster, Object

_HISTORY: dict[str, Kind] = {
    "Deployment": kinds.REPLICA_SET,
    "StatefulSet": kinds.CONTROLLER_REVISION,
    "DaemonSet": kinds.CONTROLLER_REVISION,
}
_SCALABLE = frozenset({"Deployment", "StatefulSet", "ReplicaSet"})
_RUNS_PODS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})


async def read_situation(cluster: Cluster, target: TargetRef) -> Situation:
    """The target and what belongs to it.

    Raises ``NotFound`` when the target (or its kind) does not exist, and any other ``ClusterError`` as it is:
    an action must never be computed from half of the objects.
    """
    kind = kinds.kind_of(target.api_version, target.kind)
    if kind is None:
        raise NotFound(f"{target}: kind {target.kind} of {target.api_version} is not one this operator knows")
    obj = await cluster.get(kind, target.namespace if kind.namespaced else None, target.name)
    obj = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
    related: dict[str, list[Object]] = {}
    namespace = target.namespace
    if target.kind in _HISTORY:
        history = _HISTORY[target.kind]
        related[history.resource] = [o for o in await cluster.list(history, namespace) if _owned_by(o, obj)]
    if target.kind in _RUNS_PODS:
        owners = [obj, *related.get(kinds.REPLICA_SET.resource, [])]
        pods = await cluster.list(kinds.POD, namespace)
        related[kinds.POD.resource] = [p for p in pods if any(_owned_by(p, o) for o in owners)]
    if target.kind == "Pod":
        related[kinds.POD.resource] = await _siblings(cluster, obj)
        related[kinds.SERVICE.resource] = await cluster.list(kinds.SERVICE, namespace)
    if target.kind == "Node":
        related[kinds.NODE.resource] = await cluster.list(kinds.NODE)
        related[kinds.POD.resource] = await cluster.list(kinds.POD, fields=f"spec.nodeName={target.name}")
    if target.kind == "PersistentVolumeClaim":
        related[kinds.STORAGE_CLASS.resource] = await _storage_class(cluster, obj)
    if target.kind in _HISTORY:
        for kind_beside in (kinds.SERVICE, kinds.NETWORK_POLICY):
            related[kind_beside.resource] = await cluster.list(kind_beside, namespace)
    for kind_above, above in await _above(cluster, obj):
        related.setdefault(kind_above.resource, []).append(above)
    if target.kind in _SCALABLE:
        hpas = await cluster.list(kinds.HORIZONTAL_POD_AUTOSCALER, namespace)
        related[kinds.HORIZONTAL_POD_AUTOSCALER.resource] = [
            h
            for h in hpas
            if (ref := h.get("spec", {}).get("scaleTargetRef", {})).get("kind") == target.kind
            and ref.get("name") == target.name
        ]
    if namespace is not None and kind.namespaced:
        related[kinds.POD_DISRUPTION_BUDGET.resource] = await cluster.list(kinds.POD_DISRUPTION_BUDGET, namespace)
    resize = target.kind == "Pod" and await cluster.offers(kinds.POD, "resize")
    return Situation(target=obj, related=related, resize_offered=resize)


async def _above(cluster: Cluster, obj: Object) -> list[tuple[Kind, Object]]:
    """Who a person would have labelled: the controllers above the object, or the workload that an HPA scales.

    One that does not exist (any more) ends the climb.
    """
    found: list[tuple[Kind, Object]] = []
    ref = _reference_above(obj)
    while ref is not None and len(found) < MAX_CLIMB:
        kind = kinds.kind_of(ref.api_version, ref.kind)
        if kind is None or not kind.namespaced:
            break  # a static pod is its kubelet's
        try:
            above = await cluster.get(kind, fields.namespace(obj), ref.name)
        except NotFound:
            break
        above = {"apiVersion": kind.api_version, "kind": kind.kind, **above}
        found.append((kind, above))
        ref = controller(above)
    return found


def _reference_above(obj: Object) -> Owner | None:
    scaled = fields.mapping(obj, "spec", "scaleTargetRef")
    if fields.text(obj, "kind") == "HorizontalPodAutoscaler" and scaled:
        return Owner(fields.text(scaled, "apiVersion"), fields.text(scaled, "kind"), fields.text(scaled, "name"), "")
    return controller(obj)


async def _storage_class(cluster: Cluster, claim: Object) -> list[Object]:
    name = fields.text(claim, "spec", "storageClassName")
    if not name:
        return []
    try:
        return [await cluster.get(kinds.STORAGE_CLASS, None, name)]
    except NotFound:
        return []


async def _siblings(cluster: Cluster, pod: Object) -> list[Object]:
    """The pods of the same controller, the pod itself among them."""
    meta = pod["metadata"]
    owner = next((o for o in meta.get("ownerReferences", []) if o.get("controller")), None)
    if owner is None:
        return [pod]
    return [
        p
        for p in await cluster.list(kinds.POD, meta.get("namespace"))
        if any(o.get("uid") == owner["uid"] for o in p["metadata"].get("ownerReferences", []))
    ]


def _owned_by(obj: Object, owner: Object) -> bool:
    uid = owner["metadata"].get("uid")
    return any(o.get("uid") == uid and o.get("controller") for o in obj["metadata"].get("ownerReferences", []))
