"""ReplicaSets: as many pods as asked for. What all workload controllers share is here too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import partial
from typing import Any

from incident_commander import errors
from incident_commander.api.kinds import POD, REPLICA_SET, Kind
from incident_commander.consensus.canonical import canonical_json
from incident_commander.evidence.selectors import matches_selector
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.controllers.events import EventRecorder
from incident_commander.rehearsal.objects import (
    condition,
    controller_of,
    copy_json,
    dig,
    is_ready,
    labels_of,
    name_of,
    namespace_of,
    owned_by,
    owner_reference,
    parse_kube_time,
)
from incident_commander.rehearsal.store import Key, WatchEvent

_HASH_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def own_and_owner_keys(event: WatchEvent, kind: Kind, child: Kind) -> Iterable[Key]:
    """The keys for a controller of ``kind`` whose children are of kind ``child``."""
    if event.kind == kind:
        yield event.key
    elif event.kind == child:
        owner = controller_of(event.object)
        if owner is not None and owner["kind"] == kind.kind:
            yield namespace_of(event.object) or "", str(owner["name"])


def template_hash(template: Any) -> str:
    """Short hash of a pod template (the real one is FNV-1a; only equality matters)."""
    raw = hashlib.sha256(canonical_json(template)).digest()
    return "".join(_HASH_ALPHABET[byte % len(_HASH_ALPHABET)] for byte in raw[:10])


def active(pods: Iterable[Object]) -> list[Object]:
    """Pods that are neither finished nor being deleted."""
    return [
        pod
        for pod in pods
        if dig(pod, "status", "phase") not in ("Succeeded", "Failed") and not pod["metadata"].get("deletionTimestamp")
    ]


def pod_from(owner: Object, template: dict[str, Any], meta: dict[str, Any]) -> Object:
    """A pod of a template; ``meta`` gives its name or generateName."""
    inherited = copy_json(template.get("metadata") or {})
    inherited.pop("creationTimestamp", None)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**inherited, **meta, "ownerReferences": [owner_reference(owner)]},
        "spec": copy_json(template["spec"]),
    }


def available_since(pod: Object) -> str | None:
    """When a pod became ready; None while it is not."""
    return str((condition(pod, "Ready") or {}).get("lastTransitionTime", "")) if is_ready(pod) else None


class PodMaker:
    """Creates and deletes pods of an owner, with the events that go with it."""

    def __init__(self, api: ApiServer, component: str) -> None:
        self._api = api
        self._events = EventRecorder(api, component)

    def create(self, owner: Object, template: dict[str, Any], meta: dict[str, Any]) -> bool:
        """Whether the pod could be created; the events tell why not."""
        namespace = namespace_of(owner)
        try:
            pod = self._api.create(POD, namespace, pod_from(owner, template, meta))
        except errors.ClusterError as error:
            self._events.warning(owner, "FailedCreate", f"Error creating: {error}")
            return False
        self._events.normal(owner, "SuccessfulCreate", f"Created pod: {name_of(pod)}")
        return True

    def delete(self, owner: Object, pod: Object) -> None:
        """Delete one pod."""
        self._api.delete(POD, namespace_of(pod), name_of(pod))
        self._events.normal(owner, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")


class ReplicaSetController:
    """Keeps ``spec.replicas`` pods of each ReplicaSet."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._pods = PodMaker(api, "replicaset-controller")

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """Its own objects, their pods' owners, and who would take a pod in that nobody controls."""
        yield from own_and_owner_keys(event, REPLICA_SET, POD)
        if event.kind == POD and controller_of(event.object) is None:
            for found in self._api.store.scan(REPLICA_SET, event.key[0]):
                if matches_selector(labels_of(event.object), dig(found, "spec", "selector")):
                    yield event.key[0], name_of(found)

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Let go of pods, or take them in, by their labels; create or delete pods; then report."""
        found = self._api.store.get(REPLICA_SET, namespace, name)
        if found is None or found["metadata"].get("deletionTimestamp"):
            return None
        self._claim(found)
        pods = active(owned_by(self._api.store.scan(POD, namespace), found))
        missing = int(found["spec"]["replicas"]) - len(pods)
        again = None
        if missing > 0:
            made = [
                self._pods.create(found, found["spec"]["template"], {"generateName": f"{name}-"})
                for _ in range(missing)
            ]
            again = None if all(made) else 10.0
        elif missing < 0:
            for pod in sorted(pods, key=_first_to_go)[:-missing]:
                self._pods.delete(found, pod)
        return min((s for s in (again, self._report(namespace, name)) if s is not None), default=None)

    def _claim(self, found: Object) -> None:
        """``controller.PodControllerRefManager``: own the living pods that the selector matches, and no others."""
        selector = dig(found, "spec", "selector")
        for pod in active(self._api.store.scan(POD, namespace_of(found))):
            owner = controller_of(pod)
            mine = owner is not None and owner["uid"] == found["metadata"]["uid"]
            matches = matches_selector(labels_of(pod), selector)
            if matches == mine or (owner is not None and not mine):
                continue
            meta = {key: value for key, value in pod["metadata"].items() if key != "ownerReferences"}
            if matches:
                meta["ownerReferences"] = [owner_reference(found)]
            self._api.change(POD, namespace_of(pod), name_of(pod), partial(_with_metadata, meta))

    def _report(self, namespace: str, name: str) -> float | None:
        current = self._api.store.get(REPLICA_SET, namespace, name)
        if current is None:
            return None
        pods = active(owned_by(self._api.store.scan(POD, namespace), current))
        ready = [pod for pod in pods if is_ready(pod)]
        wait = int(current["spec"].get("minReadySeconds", 0))
        ages = [(self._api.clock.now() - parse_kube_time(available_since(pod) or "")).total_seconds() for pod in ready]
        status = {"replicas": len(pods), "fullyLabeledReplicas": len(pods)}
        status["observedGeneration"] = current["metadata"]["generation"]
        if ready:
            status["readyReplicas"] = len(ready)
        available = sum(age >= wait for age in ages)
        if available:
            status["availableReplicas"] = available
        self._api.change_status(REPLICA_SET, current, status)
        return min((wait - age for age in ages if age < wait), default=None)


def _with_metadata(meta: dict[str, Any], old: Object) -> Object:
    return {**old, "metadata": meta}


def _first_to_go(pod: Object) -> tuple[bool, bool, int, str]:
    """The order of deletion (``controller.ActivePods``): unscheduled, then not ready, then the newest."""
    created = -int(parse_kube_time(pod["metadata"]["creationTimestamp"]).timestamp())
    return bool(dig(pod, "spec", "nodeName")), is_ready(pod), created, name_of(pod)


def transition(conditions: list[dict[str, Any]], new: dict[str, Any], now: str) -> list[dict[str, Any]]:
    """Conditions with ``new`` set; times move only with what they stand for."""
    old = next((c for c in conditions if c["type"] == new["type"]), None)
    if old is not None and all(old.get(key) == value for key, value in new.items()):
        return conditions
    same = old is not None and old["status"] == new["status"]
    dated = {**new, "lastUpdateTime": now, "lastTransitionTime": old["lastTransitionTime"] if same and old else now}
    if old is None:
        return [*conditions, dated]
    return [dated if c is old else c for c in conditions]
