"""DaemonSets: one pod on every node that may have it, replaced one at a time."""

from __future__ import annotations

from collections.abc import Iterable

from incident_commander.api.kinds import DAEMON_SET, NODE, POD
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.controllers.replicas import PodMaker, active, own_and_owner_keys, template_hash
from incident_commander.rehearsal.objects import copy_json, dig, is_ready, labels_of, name_of, namespace_of, owned_by
from incident_commander.rehearsal.store import Key, WatchEvent

_REVISION = "controller-revision-hash"


class DaemonSetController:
    """Binds its pods to nodes itself; taints other than the cordon keep it away, as in reality."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._pods = PodMaker(api, "daemonset-controller")

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """Its own objects, their pods' owners, and all of them when nodes change."""
        if event.kind == NODE:
            return [(namespace_of(ds) or "", name_of(ds)) for ds in self._api.store.scan(DAEMON_SET)]
        return own_and_owner_keys(event, DAEMON_SET, POD)

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Create what is missing, replace one that is old, report."""
        found = self._api.store.get(DAEMON_SET, namespace, name)
        if found is None or found["metadata"].get("deletionTimestamp"):
            return None
        revision = template_hash(found["spec"]["template"])
        pods = {
            str(dig(pod, "spec", "nodeName")): pod
            for pod in active(owned_by(self._api.store.scan(POD, namespace), found))
        }
        nodes = [name_of(node) for node in self._api.store.scan(NODE) if _eligible(found, node)]
        for node in nodes:
            if node not in pods:
                self._create(found, node, revision)
        for node in sorted(set(pods) - set(nodes)):
            self._pods.delete(found, pods[node])
        if len(pods) == len(nodes):
            self._update(found, revision, [pods[node] for node in nodes if node in pods])
        self._report(namespace, name, revision, len(nodes))
        return None

    def _create(self, owner: Object, node: str, revision: str) -> None:
        template = copy_json(owner["spec"]["template"])
        template["metadata"]["labels"] = labels_of(template) | {_REVISION: revision}
        template["spec"]["nodeName"] = node
        self._pods.create(owner, template, {"generateName": f"{name_of(owner)}-"})

    def _update(self, owner: Object, revision: str, pods: list[Object]) -> None:
        if dig(owner, "spec", "updateStrategy", "type") != "RollingUpdate":
            return
        old = [pod for pod in pods if labels_of(pod).get(_REVISION) != revision]
        unready = [pod for pod in pods if not is_ready(pod)]
        victims = [pod for pod in old if pod in unready] or (old if not unready else [])
        for pod in victims[:1]:
            self._pods.delete(owner, pod)

    def _report(self, namespace: str, name: str, revision: str, wanted: int) -> None:
        owner = self._api.store.get(DAEMON_SET, namespace, name)
        if owner is None:
            return
        pods = active(owned_by(self._api.store.scan(POD, namespace), owner))
        ready = sum(is_ready(pod) for pod in pods)
        status = {
            "observedGeneration": owner["metadata"]["generation"],
            "desiredNumberScheduled": wanted,
            "currentNumberScheduled": len(pods),
            "updatedNumberScheduled": sum(labels_of(pod).get(_REVISION) == revision for pod in pods),
            "numberReady": ready,
            "numberAvailable": ready,
            "numberMisscheduled": 0,
        }
        if wanted > ready:
            status["numberUnavailable"] = wanted - ready
        self._api.change_status(DAEMON_SET, owner, status)


def _eligible(owner: Object, node: Object) -> bool:
    selector = dig(owner, "spec", "template", "spec", "nodeSelector") or {}
    tolerations = dig(owner, "spec", "template", "spec", "tolerations") or []
    taints = [t for t in dig(node, "spec", "taints") or [] if t["effect"] != "PreferNoSchedule"]
    tolerated = all(any(t.get("key") in (None, taint["key"]) for t in tolerations) for taint in taints)
    return tolerated and all(labels_of(node).get(key) == value for key, value in selector.items())
