"""Objects as an API server sends them, and one way to plan an action on them."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from incident_commander.actions.action import Bounds, Situation
from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api.plan import ActionName, Step
from incident_commander.errors import Refusal
from incident_commander.ports import Object

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def container(name: str = "web", image: str = "web:2", **resources: Any) -> dict[str, Any]:
    return {"name": name, "image": image, "resources": resources or {"limits": {"memory": "128Mi", "cpu": "500m"}}}


def template(*containers: dict[str, Any], **annotations: str) -> dict[str, Any]:
    meta: dict[str, Any] = {"creationTimestamp": None, "labels": {"app": "web"}}
    if annotations:
        meta["annotations"] = annotations
    return {"metadata": meta, "spec": {"containers": list(containers) or [container()]}}


def workload(kind: str = "Deployment", *, spec: dict[str, Any] | None = None, **meta: Any) -> Object:
    body: Object = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {
            "namespace": "shop",
            "name": "web",
            "uid": f"uid-{kind}-web",
            "resourceVersion": "100",
            "generation": 3,
            "creationTimestamp": "2026-02-01T00:00:00Z",
            **meta,
        },
        "spec": {"template": template(), **(spec or {})},
        "status": {"observedGeneration": 3},
    }
    if kind == "DaemonSet":
        body["status"] |= {"desiredNumberScheduled": 3, "numberReady": 3}
    else:
        body["spec"].setdefault("replicas", 3)
        body["status"] |= {"replicas": 3, "readyReplicas": 3}
    return body


def owned_by(owner: Object) -> list[dict[str, Any]]:
    meta = owner["metadata"]
    return [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": meta["name"],
            "uid": meta["uid"],
            "controller": True,
        }
    ]


def replica_set(deployment: Object, number: int, pod_template: dict[str, Any], *, created: str = "") -> Object:
    pod_template = copy.deepcopy(pod_template)
    pod_template["metadata"]["labels"]["pod-template-hash"] = f"h{number}"
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "namespace": "shop",
            "name": f"web-h{number}",
            "uid": f"uid-rs-{number}",
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "creationTimestamp": created or f"2026-02-0{number}T00:00:00Z",
            "ownerReferences": owned_by(deployment),
        },
        "spec": {"template": pod_template},
    }


def controller_revision(owner: Object, number: int, pod_template: dict[str, Any]) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "namespace": "shop",
            "name": f"web-r{number}",
            "uid": f"uid-cr-{number}",
            "creationTimestamp": f"2026-02-0{number}T00:00:00Z",
            "ownerReferences": owned_by(owner),
        },
        "revision": number,
        "data": {"spec": {"template": {**pod_template, "$patch": "replace"}}},
    }


def pod(name: str = "web-1", owner: Object | None = None, *, ready: bool = True, phase: str = "Running") -> Object:
    meta: dict[str, Any] = {
        "namespace": "shop",
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": "7",
        "labels": {"app": "web"},
    }
    if owner is not None:
        meta["ownerReferences"] = owned_by(owner)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": [container()]},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def node(name: str = "n1", *, ready: str = "True", cordoned: bool = False, **meta: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "9", **meta},
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def hpa(least: int = 2, most: int = 5) -> Object:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"namespace": "shop", "name": "web", "uid": "uid-hpa", "resourceVersion": "4"},
        "spec": {
            "minReplicas": least,
            "maxReplicas": most,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }


def plan(
    action: ActionName,
    target: Object,
    related: dict[str, list[Object]] | None = None,
    /,
    *,
    bounds: Bounds | None = None,
    resize: bool = False,
    **parameters: str,
) -> Step:
    situation = Situation(target=target, related=related or {}, resize_offered=resize)
    return CATALOGUE[action].plan(situation, parameters, bounds=bounds or Bounds(), issued_at=NOW, step_name="it")


def refusal(
    action: ActionName, target: Object, related: dict[str, list[Object]] | None = None, /, **options: Any
) -> str:
    """The reason for which the action refuses."""
    with pytest.raises(Refusal, match=r"\w") as refused:
        plan(action, target, related, **options)
    return refused.value.reason
