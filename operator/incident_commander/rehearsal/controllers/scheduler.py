"""The scheduler: fits pods to nodes by requests, taints, cordon, selector and claims, with its real messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from incident_commander.api.kinds import NODE, PERSISTENT_VOLUME_CLAIM, POD
from incident_commander.api.quantity import parse_quantity
from incident_commander.evidence.selectors import matches_selector
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.controllers.events import EventRecorder
from incident_commander.rehearsal.controllers.replicas import transition
from incident_commander.rehearsal.objects import dig, kube_time, labels_of, name_of, namespace_of
from incident_commander.rehearsal.store import Key, WatchEvent, WatchType

_RETRY_SECONDS = 60.0


class Scheduler:
    """Binds each pending pod to the node with the most room, or says why none fits."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._events = EventRecorder(api, "default-scheduler")

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """A pending pod; any pending pod when a node, a claim or the room on a node changed."""
        if event.kind == POD and event.type is WatchType.ADDED:
            yield event.key
        freed = event.kind == POD and (
            event.type is WatchType.DELETED or dig(event.object, "status", "phase") == "Failed"
        )
        if freed or event.kind in (NODE, PERSISTENT_VOLUME_CLAIM):
            for pod in self._api.store.scan(POD):
                if not dig(pod, "spec", "nodeName"):
                    yield namespace_of(pod) or "", name_of(pod)

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Bind one pod, or record that it cannot be."""
        pod = self._api.store.get(POD, namespace, name)
        if pod is None or dig(pod, "spec", "nodeName") or pod["metadata"].get("deletionTimestamp"):
            return None
        nodes = list(self._api.store.scan(NODE))
        claim = self._missing_claim(pod)
        if claim:
            return self._refuse(pod, f"0/{len(nodes)} nodes are available: {claim}.")
        obstacles = {name_of(node): self._obstacle(pod, node) for node in nodes}
        fitting = [node for node in nodes if not obstacles[name_of(node)]]
        if not fitting:
            return self._refuse(pod, _explanation(list(obstacles.values())))
        best = max(fitting, key=lambda node: (self._room(node)["cpu"], self._room(node)["memory"], name_of(node)))
        self._bind(pod, name_of(best))
        return None

    def _bind(self, pod: Object, node: str) -> None:
        now = kube_time(self._api.clock.now())
        scheduled = {"type": "PodScheduled", "status": "True"}
        bound = {**pod, "metadata": dict(pod["metadata"]), "spec": {**pod["spec"], "nodeName": node}}
        conditions = [c for c in dig(pod, "status", "conditions") or [] if c["type"] != "PodScheduled"]
        status = {key: value for key, value in pod["status"].items() if key != "conditions"}
        bound["status"] = status | {"conditions": [*conditions, scheduled | {"lastTransitionTime": now}]}
        self._api.store.put(POD, bound)
        self._events.normal(bound, "Scheduled", f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {node}")

    def _refuse(self, pod: Object, message: str) -> float:
        self._events.warning(pod, "FailedScheduling", message)
        new = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        conditions = transition(dig(pod, "status", "conditions") or [], new, kube_time(self._api.clock.now()))
        self._api.change_status(POD, pod, {**pod["status"], "conditions": conditions})
        return _RETRY_SECONDS

    def _missing_claim(self, pod: Object) -> str:
        for volume in dig(pod, "spec", "volumes") or []:
            name = dig(volume, "persistentVolumeClaim", "claimName")
            if name is None:
                continue
            claim = self._api.store.get(PERSISTENT_VOLUME_CLAIM, namespace_of(pod), name)
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if dig(claim, "status", "phase") != "Bound":
                return "pod has unbound immediate PersistentVolumeClaims"
        return ""

    def _obstacle(self, pod: Object, node: Object) -> str:
        if dig(node, "spec", "unschedulable"):
            return "node(s) were unschedulable"
        for taint in dig(node, "spec", "taints") or []:
            if taint["effect"] in ("NoSchedule", "NoExecute") and not _tolerates(pod, taint):
                return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
        if not _selected(pod, node):
            return "node(s) didn't match Pod's node affinity/selector"
        room = self._room(node)
        short = [resource for resource, wanted in requests_of(pod).items() if wanted > room.get(resource, Decimal(0))]
        if room["pods"] < 1:
            return "Too many pods"
        return f"Insufficient {short[0]}" if short else ""

    def _room(self, node: Object) -> dict[str, Decimal]:
        room = {"cpu": Decimal(0), "memory": Decimal(0), "pods": Decimal(110)}
        room |= {key: parse_quantity(str(value)) for key, value in (dig(node, "status", "allocatable") or {}).items()}
        for pod in self._api.store.scan(POD):
            if dig(pod, "spec", "nodeName") != name_of(node) or dig(pod, "status", "phase") in ("Succeeded", "Failed"):
                continue
            room["pods"] -= 1
            for resource, wanted in requests_of(pod).items():
                room[resource] = room.get(resource, Decimal(0)) - wanted
        return room


def requests_of(pod: Object) -> dict[str, Decimal]:
    """What a pod asks for, summed over its containers."""
    total: dict[str, Decimal] = {}
    for container in pod["spec"]["containers"]:
        for resource, value in (dig(container, "resources", "requests") or {}).items():
            total[resource] = total.get(resource, Decimal(0)) + parse_quantity(str(value))
    return total


def _tolerates(pod: Object, taint: dict[str, Any]) -> bool:
    return any(
        tolerate.get("key") in (None, taint["key"])
        and tolerate.get("effect") in (None, "", taint["effect"])
        and (tolerate.get("operator") == "Exists" or tolerate.get("value", "") == taint.get("value", ""))
        for tolerate in pod["spec"].get("tolerations") or []
    )


def _selected(pod: Object, node: Object) -> bool:
    labels = labels_of(node)
    if any(labels.get(key) != value for key, value in (pod["spec"].get("nodeSelector") or {}).items()):
        return False
    required = dig(pod, "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms") or []
    return not terms or any(matches_selector(labels, term) for term in terms)


def _explanation(obstacles: list[str]) -> str:
    total = len(obstacles)
    if not total:
        return "no nodes available to schedule pods"
    counted = ", ".join(sorted(f"{count} {text}" for text, count in Counter(obstacles).items()))
    lacking = sum(text.startswith(("Insufficient", "Too many")) for text in obstacles)
    helpless = [f"{total - lacking} Preemption is not helpful for scheduling"] if total - lacking else []
    victims = [f"{lacking} No preemption victims found for incoming pod"] if lacking else []
    tail = ", ".join(victims + helpless)
    return f"0/{total} nodes are available: {counted}. preemption: 0/{total} nodes are available: {tail}."
