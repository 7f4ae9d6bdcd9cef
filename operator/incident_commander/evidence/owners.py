"""Who owns what: up to the top controller, down to the pods, and along the revisions of a workload.

Owners are matched by UID; where either side carries none (hand-made bundles), by kind and name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.errors import ClusterError
from incident_commander.evidence import fields
from incident_commander.ports import Cluster, Object

Objects = Mapping[str, Sequence[Object]]
"""Objects by ``Kind.resource``, as in ``Evidence.objects``."""

MAX_CLIMB = 6
"""Longest chain of owners that is followed (Pod, Job, CronJob and a few custom controllers)."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A controlling owner reference."""

    api_version: str
    kind: str
    name: str
    uid: str


def controller(obj: Object) -> Owner | None:
    """The owner that controls the object, or None."""
    for ref in fields.items(obj, "metadata", "ownerReferences"):
        if fields.flag(ref, "controller"):
            return Owner(*(fields.text(ref, key) for key in ("apiVersion", "kind", "name", "uid")))
    return None


def owns(owner: Object, obj: Object) -> bool:
    """Whether ``owner`` is the controller of ``obj``."""
    ref = controller(obj)
    if ref is None or ref.kind != fields.text(owner, "kind") or ref.name != fields.name(owner):
        return False
    if fields.namespace(owner) and fields.namespace(owner) != fields.namespace(obj):
        return False
    uid = fields.text(owner, "metadata", "uid")
    return not uid or not ref.uid or uid == ref.uid


def find_owner(obj: Object, objects: Objects) -> Object | None:
    """The controller of the object among the given objects, or None."""
    ref = controller(obj)
    kind = kinds.kind_of(ref.api_version, ref.kind) if ref is not None else None
    if kind is None:
        return None
    return next((o for o in objects.get(kind.resource, ()) if owns(o, obj)), None)


def chain(obj: Object, objects: Objects) -> list[Object]:
    """The object, its controller, the controller of that, ... as far as they were given."""
    found = [obj]
    while len(found) <= MAX_CLIMB and (owner := find_owner(found[-1], objects)) is not None:
        found.append(owner)
    return found


def top_controller(obj: Object, objects: Objects) -> Object:
    """The end of the chain: what a person would edit. The object itself when nothing controls it."""
    return chain(obj, objects)[-1]


async def climb(cluster: Cluster, obj: Object) -> Object:
    """The same through the API server: follows controllers up to the last one of a known kind that can be read.

    A missing or unreadable owner ends the climb; the object reached so far is returned.
    """
    for _ in range(MAX_CLIMB):
        ref = controller(obj)
        kind = kinds.kind_of(ref.api_version, ref.kind) if ref is not None else None
        if ref is None or kind is None:
            return obj
        try:
            above = await cluster.get(kind, fields.namespace(obj) if kind.namespaced else None, ref.name)
        except ClusterError:
            return obj
        above = {"apiVersion": kind.api_version, "kind": kind.kind, **above}
        if not owns(above, obj):
            return obj
        obj = above
    return obj


def pods_of(obj: Object, objects: Objects) -> list[Object]:
    """The pods that an object stands for.

    Workloads: those they control. Service: those it selects. Node: those on it. Claim: those that mount it.
    HPA: those of its scale target. Anything else: none.
    """
    kind, pods = fields.text(obj, "kind"), objects.get(kinds.POD.resource, ())
    if kind == "Pod":
        return [p for p in pods if _same(p, obj)]
    if kind == "Service":
        return _selected(obj, pods)
    if kind == "Node":
        return [p for p in pods if fields.text(p, "spec", "nodeName") == fields.name(obj)]
    if kind == "PersistentVolumeClaim":
        here = (p for p in pods if fields.namespace(p) == fields.namespace(obj))
        return [p for p in here if fields.name(obj) in claims_of(p)]
    if kind == "HorizontalPodAutoscaler":
        target = scale_target(obj, objects)
        return pods_of(target, objects) if target is not None else []
    if kind == "Deployment":
        return _of_deployment(obj, pods, objects)
    if kind == "CronJob":
        jobs = {fields.name(j): j for j in objects.get(kinds.JOB.resource, ()) if owns(obj, j)}
        owned = ((jobs.get(ref.name) if (ref := controller(p)) is not None else None, p) for p in pods)
        return [p for job, p in owned if job is not None and owns(job, p)]
    return [p for p in pods if owns(obj, p)]


def claims_of(pod: Object) -> list[str]:
    """Names of the claims that a pod mounts."""
    volumes = fields.items(pod, "spec", "volumes")
    return [c for v in volumes if (c := fields.text(v, "persistentVolumeClaim", "claimName"))]


def scale_target(hpa: Object, objects: Objects) -> Object | None:
    """What an HPA scales, among the given objects."""
    ref = fields.mapping(hpa, "spec", "scaleTargetRef")
    kind = kinds.kind_of(fields.text(ref, "apiVersion") or "apps/v1", fields.text(ref, "kind"))
    if kind is None:
        return None
    return find(objects, kind, fields.namespace(hpa), fields.text(ref, "name"))


def find(objects: Objects, kind: Kind, namespace: str | None, name: str) -> Object | None:
    """One object by name among the given ones."""
    for item in objects.get(kind.resource, ()):
        if fields.name(item) == name and (not kind.namespaced or fields.namespace(item) == (namespace or "")):
            return item
    return None


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether equality-based ``selector`` matches ``labels``; an empty one matches nothing."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _selected(service: Object, pods: Sequence[Object]) -> list[Object]:
    selector, namespace = fields.strings(service, "spec", "selector"), fields.namespace(service)
    here = (p for p in pods if fields.namespace(p) == namespace)
    return [p for p in here if selects(selector, fields.strings(p, "metadata", "labels"))]


def _of_deployment(deployment: Object, pods: Sequence[Object], objects: Objects) -> list[Object]:
    place, found = fields.namespace(deployment), []
    sets = {fields.name(r): r for r in objects.get(kinds.REPLICA_SET.resource, ()) if fields.namespace(r) == place}
    for pod in pods:
        if owns(deployment, pod):
            found.append(pod)  # as a bundle has it that was recorded without ReplicaSets and owners
            continue
        ref = controller(pod)
        if ref is None or ref.kind != "ReplicaSet" or fields.namespace(pod) != place:
            continue
        above = sets.get(ref.name)
        if above is not None:
            mine = owns(above, pod) and owns(deployment, above)
        else:
            # It could not be read, or was collected: its name is made of the Deployment's and the hash.
            hashed = fields.text(pod, "metadata", "labels", "pod-template-hash")
            mine = bool(hashed) and ref.name == f"{fields.name(deployment)}-{hashed}"
        if mine:
            found.append(pod)
    return found


def _same(one: Object, other: Object) -> bool:
    return fields.name(one) == fields.name(other) and fields.namespace(one) == fields.namespace(other)
