"""The two clusters of the contract, and the objects that its tests put into them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from incident_commander.api.kinds import (
    DEPLOYMENT,
)
from incident_commander.ports import Cluster, Object, PatchType


@dataclass(frozen=True)
class Side:
    """One of the two, with a namespace for this test alone. ``create`` stores as the test's own user."""

    cluster: Cluster
    namespace: str

    async def deploy(self, name: str = "web", **spec: Any) -> Object:
        return await self.cluster.create(DEPLOYMENT, self.namespace, deployment(name, **spec))

    async def merge(self, name: str, body: Any, **options: Any) -> Object:
        return await self.cluster.patch(DEPLOYMENT, self.namespace, name, body, patch_type=PatchType.MERGE, **options)

    async def json(self, name: str, *operations: dict[str, Any], **options: Any) -> Object:
        return await self.cluster.patch(
            DEPLOYMENT, self.namespace, name, list(operations), patch_type=PatchType.JSON, **options
        )


def deployment(name: str = "web", **spec: Any) -> Object:
    labels = {"app": name}
    containers = [{"name": "web", "image": "registry.example/web:1", "resources": {"limits": {"memory": "128Mi"}}}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    base = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": base | spec,
    }


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels or {}},
        "data": data,
    }


def pod(name: str = "alone", requests: dict[str, str] | None = None) -> Object:
    resources: dict[str, Any] = {"limits": {"memory": "128Mi", "cpu": "100m"}}
    if requests:
        resources["requests"] = requests
    container = {"name": "web", "image": "registry.example/web:1", "resources": resources}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}


def incident(name: str = "inc") -> Object:
    return {
        "apiVersion": "incidentcommander.io/v1alpha1",
        "kind": "Incident",
        "metadata": {"name": name},
        "spec": {"severity": "Warning", "description": "something is wrong"},
    }


def test_op(path: str, value: Any) -> dict[str, Any]:
    return {"op": "test", "path": path, "value": value}


test_op.__test__ = False  # type: ignore[attr-defined]


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}
