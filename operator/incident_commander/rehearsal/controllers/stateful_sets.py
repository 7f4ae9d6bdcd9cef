"""StatefulSets: numbered pods in order, revisions, and updates from the highest number down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from incident_commander.api.kinds import CONTROLLER_REVISION, POD, STATEFUL_SET
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.controllers.replicas import PodMaker, own_and_owner_keys, template_hash
from incident_commander.rehearsal.objects import (
    copy_json,
    dig,
    is_ready,
    labels_of,
    name_of,
    owned_by,
    owner_reference,
)
from incident_commander.rehearsal.store import Key, WatchEvent

_REVISION = "controller-revision-hash"


class StatefulSetController:
    """Pods ``name-0`` to ``name-(n-1)``. A pod that never gets ready holds up all that come after it."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._pods = PodMaker(api, "statefulset-controller")

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """Its own objects and their pods' owners."""
        return own_and_owner_keys(event, STATEFUL_SET, POD)

    def reconcile(self, namespace: str, name: str) -> float | None:
        """One pod at a time, then report."""
        found = self._api.store.get(STATEFUL_SET, namespace, name)
        if found is None or found["metadata"].get("deletionTimestamp"):
            return None
        revision = self._revision(found)
        pods = {name_of(pod): pod for pod in owned_by(self._api.store.scan(POD, namespace), found)}
        self._step(found, revision, pods)
        self._report(namespace, name, revision)
        return None

    def _revision(self, owner: Object) -> str:
        """The name of the ControllerRevision of the present template; recorded when it is new."""
        namespace = owner["metadata"]["namespace"]
        known = owned_by(self._api.store.scan(CONTROLLER_REVISION, namespace), owner)
        data = {"spec": {"template": {**copy_json(owner["spec"]["template"]), "$patch": "replace"}}}
        number = 1 + max((int(entry["revision"]) for entry in known), default=0)
        present = next((entry for entry in known if entry["data"] == data), None)
        if present is not None:
            if int(present["revision"]) < number - 1:
                newest = {**present, "metadata": dict(present["metadata"]), "revision": number}
                self._api.store.put(CONTROLLER_REVISION, newest)
            return name_of(present)
        body = {
            "metadata": {
                "name": f"{name_of(owner)}-{template_hash(owner['spec']['template'])}",
                "labels": labels_of(owner["spec"]["template"]),
                "ownerReferences": [owner_reference(owner)],
            },
            "data": data,
            "revision": number,
        }
        return name_of(self._api.create(CONTROLLER_REVISION, namespace, body))

    def _step(self, owner: Object, revision: str, pods: dict[str, Object]) -> None:
        replicas = int(owner["spec"]["replicas"])
        ordered = owner["spec"].get("podManagementPolicy") == "OrderedReady"
        wanted = [f"{name_of(owner)}-{number}" for number in range(replicas)]
        for name in wanted:
            if name not in pods:
                self._create(owner, name, revision)
                if ordered:
                    return
            elif ordered and not is_ready(pods[name]):
                return
        surplus = sorted(set(pods) - set(wanted), key=_ordinal, reverse=True)
        if surplus:
            self._delete(owner, pods[surplus[0]])
            return
        self._update(owner, revision, [pods[name] for name in wanted if name in pods])

    def _update(self, owner: Object, revision: str, pods: list[Object]) -> None:
        if dig(owner, "spec", "updateStrategy", "type") != "RollingUpdate":
            return
        partition = int(dig(owner, "spec", "updateStrategy", "rollingUpdate", "partition") or 0)
        for pod in reversed(pods):
            if _ordinal(name_of(pod)) < partition:
                return
            if labels_of(pod).get(_REVISION) != revision:
                self._delete(owner, pod)
                return
            if not is_ready(pod):
                return

    def _create(self, owner: Object, name: str, revision: str) -> None:
        template: dict[str, Any] = copy_json(owner["spec"]["template"])
        more = {"statefulset.kubernetes.io/pod-name": name, _REVISION: revision}
        template["metadata"]["labels"] = labels_of(template) | more
        template["spec"]["hostname"] = name
        self._pods.create(owner, template, {"name": name})

    def _delete(self, owner: Object, pod: Object) -> None:
        if not pod["metadata"].get("deletionTimestamp"):
            self._pods.delete(owner, pod)

    def _report(self, namespace: str, name: str, revision: str) -> None:
        owner = self._api.store.get(STATEFUL_SET, namespace, name)
        if owner is None:
            return
        pods = owned_by(self._api.store.scan(POD, namespace), owner)
        updated = [pod for pod in pods if labels_of(pod).get(_REVISION) == revision]
        ready = sum(is_ready(pod) for pod in pods)
        before = str(dig(owner, "status", "currentRevision") or revision)
        complete = len(updated) == len(pods) == int(owner["spec"]["replicas"]) == ready
        status = {
            "observedGeneration": owner["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "updatedReplicas": len(updated),
            "currentReplicas": sum(labels_of(pod).get(_REVISION) == before for pod in pods),
            "currentRevision": revision if complete else before,
            "updateRevision": revision,
            "collisionCount": 0,
        }
        self._api.change_status(STATEFUL_SET, owner, status)


def _ordinal(name: str) -> int:
    return int(name.rsplit("-", 1)[1])
