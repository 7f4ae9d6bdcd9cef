"""Will the cluster have room for what a plan asks for? From nodes, their pods, and the pods to come. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import jsonpatch
import jsonpointer

from incident_commander.actions.fields import decode
from incident_commander.api.plan import Op, Step
from incident_commander.evidence import fields, pods
from incident_commander.ports import Object

_COUNTED = ("cpu", "memory")
Amounts = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a step adds: so many pods of this size at the same time. ``per_pod`` in cores and bytes.

    ``node``: it must be on this one (a resize in place, which takes no further pod slot).
    """

    pods: int
    per_pod: Amounts
    node: str = ""


def demand(step: Step, target: Object, related_pods: Sequence[Object] = ()) -> Demand:
    """What the scheduler will be asked for beyond what runs.

    More replicas need room for each new pod. A larger pod needs room for one whole new pod at a time while
    the old one still runs (a rollout's surge). A raised maximum of an HPA is of use if one more pod fits.
    A step that only restarts or removes needs none.
    """
    before = _replicas(target)
    after = _written(step, "/spec/replicas")
    if isinstance(after, int) and before is not None and after > before:
        return Demand(after - before, requests(fields.mapping(target, "spec", "template")))
    highest = _written(step, "/spec/maxReplicas")
    current_highest = fields.integer(target, "spec", "maxReplicas")
    if isinstance(highest, int) and current_highest is not None and highest > current_highest:
        size = requests(related_pods[0]) if related_pods else {}
        return Demand(1, size)
    return _resized(step, target) or Demand(0, {})


def requests(template: Object) -> Amounts:
    """What the scheduler counts for a pod: containers' sum or the largest init container, and the overhead."""
    total = {name: Decimal(0) for name in _COUNTED}
    first = {name: Decimal(0) for name in _COUNTED}
    for container in pods.containers(template):
        for name in _COUNTED:
            wanted = fields.quantity(container.spec, "resources", "requests", name)
            if wanted is None:
                # Without a request the limit counts (defaulting of the API server).
                wanted = fields.quantity(container.spec, "resources", "limits", name) or Decimal(0)
            sidecar = fields.text(container.spec, "restartPolicy") == "Always"
            if container.init and not sidecar:
                first[name] = max(first[name], wanted)
            else:
                total[name] += wanted
    overhead = {name: fields.quantity(template, "spec", "overhead", name) or Decimal(0) for name in _COUNTED}
    return {name: max(total[name], first[name]) + overhead[name] for name in _COUNTED}


def template_of(target: Object) -> Object:
    """The pod template of a workload; a pod is its own."""
    return fields.mapping(target, "spec", "template") or target


def free(nodes: Sequence[Object], all_pods: Sequence[Object], template: Object) -> dict[str, dict[str, Decimal]]:
    """What is left on each node that takes such pods: ready, not cordoned, without a taint that repels them."""
    left: dict[str, dict[str, Decimal]] = {}
    for node in nodes:
        ready = fields.condition(node, "Ready").get("status") == "True"
        repels = any(not _tolerated(taint, template) for taint in fields.items(node, "spec", "taints"))
        if ready and not repels and not fields.flag(node, "spec", "unschedulable"):
            left[fields.name(node)] = {
                name: fields.quantity(node, "status", "allocatable", name) or Decimal(0) for name in (*_COUNTED, "pods")
            }
    for pod in all_pods:
        room = left.get(fields.text(pod, "spec", "nodeName"))
        if room is None or pods.finished(pod):
            continue
        for name, amount in requests(pod).items():
            room[name] -= amount
        room["pods"] -= 1
    return left


def fits(wanted: Demand, left: Mapping[str, Mapping[str, Decimal]]) -> bool:
    """Whether all pods find a node, largest room first.

    Says yes too easily rather than no: selectors and affinity are not looked at.
    """
    rooms = [dict(room) for name, room in left.items() if wanted.node in ("", name)]
    slot = Decimal(0 if wanted.node else 1)
    for _ in range(wanted.pods):
        rooms.sort(key=lambda room: room.get("memory", Decimal(0)), reverse=True)
        size = {**wanted.per_pod, "pods": slot}
        room = next((r for r in rooms if all(r.get(name, Decimal(0)) >= amount for name, amount in size.items())), None)
        if room is None:
            return False
        for name, amount in size.items():
            room[name] -= amount
    return True


def _resized(step: Step, target: Object) -> Demand | None:
    """One new pod when the template grows; the difference, on its own node, when a pod is resized in place."""
    operations = [op for op in step.operations if "/resources" in op.path and op.op is not Op.REMOVE]
    if not operations:
        return None
    applied = _applied(step, target)
    if applied is None:
        return None
    before, after = requests(template_of(target)), requests(applied)
    if not any(after[name] > before[name] for name in _COUNTED):
        return None
    if step.subresource == "resize":
        grown = {name: max(Decimal(0), after[name] - before[name]) for name in _COUNTED}
        return Demand(1, grown, node=fields.text(target, "spec", "nodeName"))
    return Demand(1, after)


def _applied(step: Step, target: Object) -> Object | None:
    """The template (or the pod itself) as the step would leave it, or None when the step does not fit the object."""
    operations = [
        {"op": op.op.value, "path": op.path} | ({} if op.value is None else {"value": decode(op.value)})
        for op in step.operations
    ]
    try:
        changed = jsonpatch.apply_patch(target, operations)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException):
        return None
    return fields.mapping(changed, "spec", "template") or changed


def _tolerated(taint: Object, template: Object) -> bool:
    if taint.get("effect") not in ("NoSchedule", "NoExecute"):
        return True
    return any(
        toleration.get("key") in (None, taint.get("key"))
        and toleration.get("effect") in (None, "", taint.get("effect"))
        and (toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", ""))
        for toleration in fields.items(template, "spec", "tolerations")
    )


def _written(step: Step, path: str) -> object:
    found = next((op for op in step.operations if op.path == path and op.op is not Op.REMOVE), None)
    return decode(found.value) if found is not None else None


def _replicas(target: Object) -> int | None:
    return fields.integer(target, "spec", "replicas")
