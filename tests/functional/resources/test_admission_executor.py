"""Admission, the executor, should it be somebody else's: the content of a pod, and the namespaces that hold keys."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane import ApiError
from tests.functional.installed import MERGE_PATCH, Installed
from tests.functional.resources.incidents import Scene, deployment, refusal

pytestmark = pytest.mark.apiserver

OWN = "incident-commander"
SYSTEM = ("kube-system", "kube-public", "kube-node-lease")
CONTAINER = {
    "name": "web",
    "image": "registry.example/web:1",
    "resources": {"requests": {"cpu": "10m"}},
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
POD = {
    "containers": [CONTAINER],
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
}


class TestAPodOfTheExecutor:
    def pod(self, scene: Scene) -> str:
        path = f"/api/v1/namespaces/{scene.namespace}/pods"
        spec = {"containers": [{"name": "web", "image": "registry.example/web:1"}]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}}, "spec": spec}
        scene.installed.plane.request("POST", path, body)
        return f"{path}/web"

    def test_may_get_other_labels(self, scene: Scene) -> None:
        path, executor = self.pod(scene), scene.ours("executor")
        body = {"metadata": {"labels": {"app": "isolated", "incidentcommander.io/isolated": "true"}}}
        told = executor.request("PATCH", path, body, MERGE_PATCH)
        assert told["metadata"]["labels"] == body["metadata"]["labels"]

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("/spec/containers/0/image", "evil.example/web:1"),
            ("/spec/activeDeadlineSeconds", 1),
            ("/metadata/annotations", {"a": "b"}),
            ("/metadata/finalizers", ["example.com/stuck"]),
        ],
        ids=["image", "deadline", "annotations", "finalizers"],
    )
    def test_and_nothing_else(self, scene: Scene, path: str, value: object) -> None:
        patch = [{"op": "add", "path": path, "value": value}]
        executor = scene.ours("executor")
        message = refusal(executor.request, "PATCH", self.pod(scene), patch, "application/json-patch+json")
        assert "the executor may change labels of a pod only" in message


def job(name: str) -> dict[str, Any]:
    spec = {"template": {"spec": {**POD, "restartPolicy": "Never"}}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def autoscaler(scale_target: str) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": scale_target}
    spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 2}
    return {"metadata": {"name": "web"}, "spec": spec}


CLAIM = {
    "metadata": {"name": "web"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
CRON_JOB = {"metadata": {"name": "web"}, "spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": job("web")["spec"]}}}
THERE: dict[str, dict[str, Any]] = {
    "/apis/apps/v1/namespaces/{}/deployments": deployment(),
    "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers": autoscaler("web"),
    "/apis/batch/v1/namespaces/{}/cronjobs": CRON_JOB,
    "/apis/batch/v1/namespaces/{}/jobs": job("web"),
    "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies": {
        "metadata": {"name": "web"},
        "spec": {"podSelector": {}},
    },
    "/api/v1/namespaces/{}/persistentvolumeclaims": CLAIM,
    "/api/v1/namespaces/{}/pods": {"metadata": {"name": "web"}, "spec": POD},
}
"""One of each kind that an action writes, by the path of its collection."""
MORE = (
    ("PATCH", "/apis/apps/v1/namespaces/{}/deployments/web/scale", {"spec": {"replicas": 1}}),
    ("PATCH", "/api/v1/namespaces/{}/pods/web/resize", {"spec": {"containers": [CONTAINER]}}),
    ("POST", "/api/v1/namespaces/{}/serviceaccounts/default/token", {"spec": {"expirationSeconds": 3600}}),
    ("POST", "/api/v1/namespaces/{}/secrets", {"metadata": {"name": "web"}}),
)
"""What no action does there either."""


@pytest.fixture(scope="module")
def everywhere(installed_cluster: Installed) -> Iterator[Installed]:
    """The executor may do anything as far as RBAC goes, and one object of each kind is where it may write none."""
    plane, made = installed_cluster.plane, []
    with installed_cluster.mistaken_rights("executor"):
        for namespace in (OWN, *SYSTEM):
            for collection, body in THERE.items():
                plane.request("POST", collection.format(namespace), body)
                made.append(f"{collection.format(namespace)}/web")
        yield installed_cluster
        for path in made:
            # An eviction has taken the pod.
            with contextlib.suppress(ApiError):
                plane.request("DELETE", path, {"propagationPolicy": "Background"})


@pytest.mark.parametrize("namespace", [OWN, *SYSTEM])
class TestWhereTheExecutorMayNotWrite:
    def attempts(self) -> Iterator[tuple[str, str, object]]:
        for collection, body in THERE.items():
            yield "POST", collection, {**body, "metadata": {"name": "another"}}
            yield "PATCH", f"{collection}/web", {"metadata": {"labels": {"a": "b"}}}
            yield "DELETE", f"{collection}/web", None
        yield from MORE

    def test_whatever_an_action_writes_is_refused(self, everywhere: Installed, namespace: str) -> None:
        said = (
            "in its own namespace"
            if namespace == OWN
            else "unless the chart's value executor.systemNamespaces lists it"
        )
        executor = everywhere.service_account("executor")
        for method, path, body in self.attempts():
            content = [MERGE_PATCH] if method == "PATCH" else []
            assert said in refusal(executor.request, method, path.format(namespace), body, *content), (method, path)

    def test_a_node_can_be_drained_of_its_pods_all_the_same(self, everywhere: Installed, namespace: str) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods/web"
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web", "namespace": namespace}}
        everywhere.service_account("executor").request("POST", f"{path}/eviction", body)
        with pytest.raises(ApiError, match="not found"):
            everywhere.plane.request("GET", path)


def test_where_workloads_live_it_may_write_all_of_them(everywhere: Installed, scene: Scene) -> None:
    executor = everywhere.service_account("executor")
    for collection, body in THERE.items():
        path = collection.format(scene.namespace)
        executor.request("POST", path, body)
        executor.request("PATCH", f"{path}/web", {"metadata": {"labels": {"a": "b"}}}, MERGE_PATCH)
        executor.request("DELETE", f"{path}/web")


def test_a_node_has_no_namespace_and_may_be_cordoned(everywhere: Installed) -> None:
    path = "/api/v1/nodes"
    everywhere.plane.request("POST", path, {"metadata": {"name": "executor-cordons"}})
    try:
        executor = everywhere.service_account("executor")
        executor.request("PATCH", f"{path}/executor-cordons", {"spec": {"unschedulable": True}}, MERGE_PATCH)
    finally:
        everywhere.plane.request("DELETE", f"{path}/executor-cordons")
