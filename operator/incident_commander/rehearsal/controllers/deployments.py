"""Deployments: revisions, rolling updates, progress (``pkg/controller/deployment``)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from incident_commander.api.kinds import DEPLOYMENT, POD, REPLICA_SET
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.controllers.events import EventRecorder
from incident_commander.rehearsal.controllers.replicas import own_and_owner_keys, template_hash, transition
from incident_commander.rehearsal.objects import (
    annotations_of,
    condition,
    controller_of,
    copy_json,
    dig,
    kube_time,
    labels_of,
    name_of,
    owned_by,
    owner_reference,
    parse_kube_time,
)
from incident_commander.rehearsal.store import Key, WatchEvent, WatchType

REVISION = "deployment.kubernetes.io/revision"
_HISTORY = "deployment.kubernetes.io/revision-history"
_HASH_LABEL = "pod-template-hash"


class DeploymentController:
    """Keeps one ReplicaSet a template, and moves replicas from the old ones to the new one."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._events = EventRecorder(api, "deployment-controller")

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """Its own objects, their ReplicaSets' owners, and whose pods are gone (Recreate waits for that)."""
        if event.kind == POD and event.type is WatchType.DELETED:
            owner = controller_of(event.object)
            replica_set = owner and self._api.store.get(REPLICA_SET, event.key[0], str(owner["name"]))
            above = controller_of(replica_set) if replica_set else None
            return [(event.key[0], str(above["name"]))] if above else []
        return own_and_owner_keys(event, DEPLOYMENT, REPLICA_SET)

    def reconcile(self, namespace: str, name: str) -> float | None:
        """One step of the rollout, then report."""
        found = self._api.store.get(DEPLOYMENT, namespace, name)
        if found is None or found["metadata"].get("deletionTimestamp"):
            return None
        sets = self._sets(found)
        new = next((rs for rs in sets if _same_template(rs, found)), None)
        if not found["spec"].get("paused"):
            new = self._newest(found, new, sets)
            found = self._api.store.get(DEPLOYMENT, namespace, name) or found
            old = [rs for rs in self._sets(found) if rs["metadata"]["uid"] != new["metadata"]["uid"]]
            if found["spec"]["strategy"]["type"] == "Recreate":
                self._recreate(found, new, old)
            else:
                self._roll(found, new, old)
            self._forget(found, old)
        return self._report(namespace, name, new)

    def _sets(self, deployment: Object) -> list[Object]:
        return owned_by(self._api.store.scan(REPLICA_SET, deployment["metadata"]["namespace"]), deployment)

    def _newest(self, deployment: Object, new: Object | None, sets: list[Object]) -> Object:
        """The ReplicaSet of the current template, with the highest revision; created when there is none."""
        namespace = deployment["metadata"]["namespace"]
        others = [rs for rs in sets if new is None or rs["metadata"]["uid"] != new["metadata"]["uid"]]
        revision = str(max((_revision(rs) for rs in others), default=0) + 1)
        if new is None:
            new = self._create_set(deployment, revision)
        elif _revision(new) < int(revision):
            before = annotations_of(new)
            past = ",".join(p for p in (before.get(_HISTORY), before.get(REVISION)) if p)
            new = self._annotate(REPLICA_SET, new, {REVISION: revision, _HISTORY: past})
        revision = annotations_of(new)[REVISION]
        if annotations_of(deployment).get(REVISION) != revision:
            self._annotate(DEPLOYMENT, deployment, {REVISION: revision})
        return self._api.store.get(REPLICA_SET, namespace, name_of(new)) or new

    def _create_set(self, deployment: Object, revision: str) -> Object:
        spec, namespace = deployment["spec"], deployment["metadata"]["namespace"]
        template = copy_json(spec["template"])
        hashed = template_hash(template)
        template["metadata"]["labels"] = {**(template["metadata"].get("labels") or {}), _HASH_LABEL: hashed}
        selector = copy_json(spec["selector"])
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), _HASH_LABEL: hashed}
        body = {
            "metadata": {
                "name": f"{name_of(deployment)}-{hashed}",
                "labels": template["metadata"]["labels"],
                "annotations": {REVISION: revision, "deployment.kubernetes.io/desired-replicas": str(spec["replicas"])},
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        }
        if spec.get("minReadySeconds"):
            body["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        return self._api.create(REPLICA_SET, namespace, body)

    def _annotate(self, kind: Any, obj: Object, values: dict[str, str]) -> Object:
        def annotated(old: Object) -> Object:
            return {**old, "metadata": {**old["metadata"], "annotations": {**annotations_of(old), **values}}}

        return self._api.change(kind, obj["metadata"]["namespace"], name_of(obj), annotated)

    def _scale(self, deployment: Object, replica_set: Object, replicas: int) -> None:
        before = int(replica_set["spec"]["replicas"])
        if before == replicas:
            return
        namespace, name = replica_set["metadata"]["namespace"], name_of(replica_set)
        self._api.change(
            REPLICA_SET, namespace, name, lambda old: {**old, "spec": {**old["spec"], "replicas": replicas}}
        )
        direction = "up" if replicas > before else "down"
        message = f"Scaled {direction} replica set {name} from {before} to {replicas}"
        self._events.normal(deployment, "ScalingReplicaSet", message)

    def _recreate(self, deployment: Object, new: Object, old: list[Object]) -> None:
        for replica_set in old:
            self._scale(deployment, replica_set, 0)
        namespace = deployment["metadata"]["namespace"]
        gone = not any(owned_by(self._api.store.scan(POD, namespace), rs) for rs in old)
        if gone:
            self._scale(deployment, new, int(deployment["spec"]["replicas"]))

    def _roll(self, deployment: Object, new: Object, old: list[Object]) -> None:
        desired = int(deployment["spec"]["replicas"])
        surge, unavailable = rolling_bounds(deployment)
        mine = int(new["spec"]["replicas"])
        total = mine + sum(int(rs["spec"]["replicas"]) for rs in old)
        if mine > desired:
            self._scale(deployment, new, desired)
        elif mine < desired and total < desired + surge:
            self._scale(deployment, new, min(desired, mine + desired + surge - total))
            return
        spare = total - (desired - unavailable) - (mine - _available(new))
        for replica_set in sorted(old, key=_revision):
            unhealthy = int(replica_set["spec"]["replicas"]) - _available(replica_set)
            spare -= self._shrink(deployment, replica_set, min(spare, unhealthy))
        healthy = _available(new) + sum(_available(rs) for rs in old) - (desired - unavailable)
        for replica_set in sorted(self._refreshed(old), key=_revision):
            healthy -= self._shrink(deployment, replica_set, min(healthy, int(replica_set["spec"]["replicas"])))

    def _shrink(self, deployment: Object, replica_set: Object, by: int) -> int:
        if by <= 0:
            return 0
        self._scale(deployment, replica_set, int(replica_set["spec"]["replicas"]) - by)
        return by

    def _refreshed(self, sets: list[Object]) -> list[Object]:
        found = (self._api.store.get(REPLICA_SET, rs["metadata"]["namespace"], name_of(rs)) for rs in sets)
        return [rs for rs in found if rs is not None]

    def _forget(self, deployment: Object, old: list[Object]) -> None:
        empty = [rs for rs in old if not rs["spec"]["replicas"] and not dig(rs, "status", "replicas")]
        surplus = len(empty) - int(deployment["spec"]["revisionHistoryLimit"])
        for replica_set in sorted(empty, key=_revision)[: max(0, surplus)]:
            self._api.delete(REPLICA_SET, replica_set["metadata"]["namespace"], name_of(replica_set))

    def _report(self, namespace: str, name: str, new: Object | None) -> float | None:
        deployment = self._api.store.get(DEPLOYMENT, namespace, name)
        if deployment is None:
            return None
        sets = self._sets(deployment)
        current = next((rs for rs in sets if new and rs["metadata"]["uid"] == new["metadata"]["uid"]), None)
        counts = {
            "replicas": sum(int(dig(rs, "status", "replicas") or 0) for rs in sets),
            "updatedReplicas": int(dig(current, "status", "replicas") or 0),
            "readyReplicas": sum(int(dig(rs, "status", "readyReplicas") or 0) for rs in sets),
            "availableReplicas": sum(_available(rs) for rs in sets),
        }
        wanted = sum(int(rs["spec"]["replicas"]) for rs in sets)
        counts["unavailableReplicas"] = max(0, wanted - counts["availableReplicas"])
        conditions, again = self._conditions(deployment, current, counts)
        status: dict[str, Any] = {key: value for key, value in counts.items() if value}
        status |= {"observedGeneration": deployment["metadata"]["generation"], "conditions": conditions}
        self._api.change_status(DEPLOYMENT, deployment, status)
        return again

    def _conditions(
        self, deployment: Object, current: Object | None, counts: dict[str, int]
    ) -> tuple[list[dict[str, Any]], float | None]:
        now = kube_time(self._api.clock.now())
        desired = int(deployment["spec"]["replicas"])
        _, unavailable = rolling_bounds(deployment)
        conditions = list(dig(deployment, "status", "conditions") or [])
        if counts["availableReplicas"] >= desired - unavailable:
            new = _condition("Available", True, "MinimumReplicasAvailable", "Deployment has minimum availability.")
        else:
            text = "Deployment does not have minimum availability."
            new = _condition("Available", False, "MinimumReplicasUnavailable", text)
        conditions = transition(conditions, new, now)
        if current is None:
            return conditions, None
        return self._progress(deployment, name_of(current), counts, conditions)

    def _progress(
        self, deployment: Object, current: str, counts: dict[str, int], conditions: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], float | None]:
        now, desired = self._api.clock.now(), int(deployment["spec"]["replicas"])
        before = condition(deployment, "Progressing")
        if counts["updatedReplicas"] == counts["availableReplicas"] == counts["replicas"] == desired:
            text = f'ReplicaSet "{current}" has successfully progressed.'
            done = _condition("Progressing", True, "NewReplicaSetAvailable", text)
            return transition(conditions, done, kube_time(now)), None
        past = deployment.get("status") or {}
        moved = any(
            counts[key] > int(past.get(key) or 0) for key in ("updatedReplicas", "readyReplicas", "availableReplicas")
        ) or counts["replicas"] - counts["updatedReplicas"] < int(past.get("replicas") or 0) - int(
            past.get("updatedReplicas") or 0
        )
        text = f'ReplicaSet "{current}" is progressing.'
        going = {**_condition("Progressing", True, "ReplicaSetUpdated", text)}
        if before is None or current not in str(before["message"]):
            text = f'Created new replica set "{current}"'
            created = _condition("Progressing", True, "NewReplicaSetCreated", text)
            return transition(conditions, created, kube_time(now)), float(deployment["spec"]["progressDeadlineSeconds"])
        if before["reason"] == "NewReplicaSetAvailable":
            return conditions, None
        if moved:
            kept = [c for c in conditions if c["type"] != "Progressing"]
            dated = {**going, "lastUpdateTime": kube_time(now), "lastTransitionTime": before["lastTransitionTime"]}
            return [*kept, dated], float(deployment["spec"]["progressDeadlineSeconds"])
        waited = (now - parse_kube_time(before["lastUpdateTime"])).total_seconds()
        left = float(deployment["spec"]["progressDeadlineSeconds"]) - waited
        if left > 0 or before["reason"] == "ProgressDeadlineExceeded":
            return conditions, left if left > 0 else None
        text = f'ReplicaSet "{current}" has timed out progressing.'
        late = _condition("Progressing", False, "ProgressDeadlineExceeded", text)
        return transition(conditions, late, kube_time(now)), None


def rolling_bounds(deployment: Object) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in pods; both 0 would stand still, so then one may be unavailable."""
    desired = int(deployment["spec"]["replicas"])
    rolling = dig(deployment, "spec", "strategy", "rollingUpdate") or {"maxSurge": 0, "maxUnavailable": 0}
    surge = _share(rolling.get("maxSurge", "25%"), desired, up=True)
    unavailable = _share(rolling.get("maxUnavailable", "25%"), desired, up=False)
    return surge, unavailable if surge or unavailable else 1


def _share(value: Any, total: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    part = total * int(str(value).rstrip("%")) / 100
    return math.ceil(part) if up else math.floor(part)


def _revision(replica_set: Object) -> int:
    return int(annotations_of(replica_set).get(REVISION, "0"))


def _available(replica_set: Object) -> int:
    return int(dig(replica_set, "status", "availableReplicas") or 0)


def _same_template(replica_set: Object, deployment: Object) -> bool:
    template = copy_json(replica_set["spec"]["template"])
    labels = labels_of(template)
    labels.pop(_HASH_LABEL, None)
    if not labels:
        template["metadata"].pop("labels", None)
    return bool(template == deployment["spec"]["template"])


def _condition(type_: str, status: bool, reason: str, message: str) -> dict[str, Any]:
    return {"type": type_, "status": str(status), "reason": reason, "message": message}
