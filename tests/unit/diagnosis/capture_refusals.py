"""Makes the fixtures of what an API server and its controllers refuse, or wire to nothing.

``python -m tests.unit.diagnosis.capture_refusals``. No container has to run for any of them to be seen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tests.controlplane.server import ApiError
from tests.unit.diagnosis.recorded_cluster import IMAGE, MERGE, Cluster, now, record


def account_missing(cluster: Cluster) -> None:
    """A rollout names a ServiceAccount that nobody made."""
    cluster.application("web")
    path = f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments/web"
    change = {"spec": {"template": {"spec": {"serviceAccountName": "web-reader"}}}}
    cluster.plane.request("PATCH", path, change, MERGE)
    cluster.wait(lambda: cluster.said('serviceaccount "web-reader" not found'), "the refusal")


def pod_security(cluster: Cluster) -> None:
    """The namespace begins to enforce the restricted level; the next rollout asks for more."""
    cluster.application("web")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.plane.request("PATCH", f"/api/v1/namespaces/{cluster.namespace}", {"metadata": {"labels": labels}}, MERGE)
    cluster.roll_out("web", image=f"{IMAGE}:1.5.0", securityContext={"privileged": True})
    cluster.wait(lambda: cluster.said("violates PodSecurity"), "the refusal")


def policy_refuses(cluster: Cluster) -> None:
    """An admission policy asks for a label that the pods do not have."""
    cluster.application("web")
    _policy(
        cluster,
        "must-have-an-owner",
        "has(object.metadata.labels) && 'owner' in object.metadata.labels",
        "every Pod must say its owner",
    )
    cluster.roll_out("web", image=f"{IMAGE}:1.5.0")
    cluster.wait(lambda: cluster.said("every Pod must say its owner"), "the refusal")


def webhook_away(cluster: Cluster) -> None:
    """A webhook that must be asked about Pods, and whose Service does not exist."""
    cluster.application("web")
    webhook = {
        "name": "pods.guard.example.com",
        "clientConfig": {"service": {"namespace": cluster.namespace, "name": "guard", "path": "/validate"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": cluster.namespace}},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
    }
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    body = {"metadata": {"name": cluster.namespace}, "webhooks": [webhook]}
    cluster.plane.request("POST", path, body)
    cluster.roll_out("web", image=f"{IMAGE}:1.5.0")
    cluster.wait(lambda: cluster.said("failed calling webhook"), "the refusal")


def limit_range(cluster: Cluster) -> None:
    """A LimitRange allows less memory than the next rollout asks for."""
    cluster.application("web")
    cluster.make("/api/v1", "limitranges", "most", spec={"limits": [{"type": "Container", "max": {"memory": "256Mi"}}]})
    cluster.roll_out("web", resources={"limits": {"memory": "2Gi"}})
    cluster.wait(lambda: cluster.said("maximum memory usage per Container"), "the refusal")


def memory_quota(cluster: Cluster) -> None:
    """No room for one more Pod in the namespace's quota of memory."""
    cluster.application("web")
    cluster.make("/api/v1", "resourcequotas", "team", spec={"hard": {"limits.memory": "300Mi"}})
    cluster.wait(lambda: "used" in cluster.get("/api/v1", "resourcequotas", "team").get("status", {}), "the quota")
    cluster.roll_out("web", replicas=4)
    cluster.wait(lambda: cluster.said("exceeded quota: team"), "the refusal")


def storage_quota(cluster: Cluster) -> None:
    """A StatefulSet's claims do not fit into the quota of storage."""
    cluster.application("web")
    cluster.make("/api/v1", "resourcequotas", "disks", spec={"hard": {"requests.storage": "5Gi"}})
    cluster.wait(lambda: "used" in cluster.get("/api/v1", "resourcequotas", "disks").get("status", {}), "the quota")
    _stateful(cluster, "ledger", storage="20Gi")
    cluster.wait(lambda: cluster.said("exceeded quota: disks"), "the refusal")


def namespace_stuck(cluster: Cluster) -> None:
    """The namespace is deleted, and an object in it has a finalizer that nobody takes away."""
    cluster.application("web")
    body = {"metadata": {"name": "held", "finalizers": ["example.com/archive"]}}
    cluster.plane.request("POST", f"/api/v1/namespaces/{cluster.namespace}/configmaps", body)
    cluster.plane.request("DELETE", f"/api/v1/namespaces/{cluster.namespace}")

    def waits() -> bool:
        found = cluster.plane.request("GET", f"/api/v1/namespaces/{cluster.namespace}")
        kinds = {c["type"] for c in found["status"].get("conditions", []) if c["status"] == "True"}
        return "NamespaceFinalizersRemaining" in kinds

    cluster.wait(waits, "the condition")


def autoscaler_blind(cluster: Cluster) -> None:
    """An autoscaler, and no metrics API in the cluster."""
    cluster.application("web")
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
    }
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 6, "metrics": [metric]}
    cluster.make("/apis/autoscaling/v2", "horizontalpodautoscalers", "web", spec=spec)
    cluster.wait(lambda: cluster.said("unable to fetch metrics from resource metrics API"), "the condition")


def selects_nothing(cluster: Cluster) -> None:
    """A Service's selector no longer fits its pods, and a caller is configured to use it."""
    _pair(cluster)
    cluster.patch("/api/v1", "services", "orders", {"spec": {"selector": {"app": "orders", "track": "stable"}}})
    cluster.wait(lambda: not _ready_endpoints(cluster, "orders"), "the empty endpoints")


def wrong_target_port(cluster: Cluster) -> None:
    """A Service sends to a port on which its container does not listen."""
    _pair(cluster)
    cluster.patch("/api/v1", "services", "orders", {"spec": {"ports": [{"port": 80, "targetPort": 8088}]}})
    cluster.wait(lambda: _endpoint_ports(cluster, "orders") == {8088}, "the endpoints")


def wrong_protocol(cluster: Cluster) -> None:
    """A Service speaks UDP for a server of TCP."""
    _pair(cluster)
    ports = [{"port": 80, "targetPort": 8080, "protocol": "UDP"}]
    cluster.patch("/api/v1", "services", "orders", {"spec": {"ports": ports}})
    cluster.wait(lambda: _endpoint_ports(cluster, "orders") == {8080}, "the endpoints")


def scaled_to_zero(cluster: Cluster) -> None:
    """Somebody scaled to nothing what another workload is configured to call."""
    _pair(cluster)
    cluster.roll_out("orders", replicas=0)
    cluster.rolled_out("orders", 0)


def wrong_address(cluster: Cluster) -> None:
    """A caller's new revision asks a port that the Service does not offer."""
    _pair(cluster)
    cluster.roll_out("web", env=[{"name": "ORDERS_URL", "value": "http://orders:8443"}])
    cluster.rolled_out("web", 2)


def ingress_to_nothing(cluster: Cluster) -> None:
    """An Ingress names a Service that does not exist."""
    _pair(cluster)
    cluster.make(
        "/apis/networking.k8s.io/v1",
        "ingresses",
        "public",
        spec={"rules": [_rule("/", "web"), _rule("/orders", "ordering")]},
    )


def gateway_crossed(cluster: Cluster) -> None:
    """The configuration of a reverse proxy sends the path of one Service to the other."""
    _pair(cluster)
    routes = "\n".join(
        f"    location /{path}/ {{ proxy_pass http://{to}:80/; }}" for path, to in (("web", "web"), ("orders", "web"))
    )
    conf = f"server {{\n    listen 8080;\n{routes}\n}}\n"
    cluster.application("edge", replicas=1)
    cluster.patch("/api/v1", "configmaps", "edge", {"data": {"default.conf": conf}})


def cron_job_failing(cluster: Cluster) -> None:
    """Every run of a CronJob fails. Its container is ended here, as a kubelet would."""
    cluster.application("web")
    containers = [{"name": "report", "image": f"{IMAGE}:1.4.0"}]
    job = {"spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": containers}}}}
    cluster.make("/apis/batch/v1", "cronjobs", "report", spec={"schedule": "* * * * *", "jobTemplate": job})
    _ends(cluster, "report-", code=2)
    cluster.wait(lambda: cluster.said("Job has reached the specified backoff limit"), "the failure")


REFUSALS: dict[str, tuple[Callable[[Cluster], None], str]] = {
    made.__name__.replace("_", "-"): (made, cause)
    for made, cause in (
        (account_missing, "ServiceAccountMissing"),
        (pod_security, "PodSecurityRefused"),
        (policy_refuses, "AdmissionRefused"),
        (webhook_away, "AdmissionRefused"),
        (limit_range, "AdmissionRefused"),
        (memory_quota, "QuotaExceeded"),
        (storage_quota, "QuotaExceeded"),
        (namespace_stuck, "NamespaceTerminating"),
        (autoscaler_blind, "HPACannotScale"),
        (selects_nothing, "ServiceSelectsNothing"),
        (wrong_target_port, "ServiceWrongPort"),
        (wrong_protocol, "ServiceProtocolMismatch"),
        (scaled_to_zero, "ScaledToZero"),
        (wrong_address, "DependencyAddressWrong"),
        (ingress_to_nothing, "GatewayMisrouted"),
        (gateway_crossed, "GatewayMisrouted"),
        (cron_job_failing, "CronJobFailing"),
    )
}
"""By name of the fixture, how it is made and the cause that it has."""


def _pair(cluster: Cluster) -> None:
    """``web``, which is configured to call ``orders``."""
    cluster.application("orders")
    cluster.application("web")
    cluster.roll_out("web", env=[{"name": "ORDERS_URL", "value": "http://orders:80"}])
    cluster.rolled_out("web", 2)


def _policy(cluster: Cluster, name: str, expression: str, message: str) -> None:
    group = "/apis/admissionregistration.k8s.io/v1"
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    spec = {
        "matchConstraints": {"resourceRules": [pods]},
        "validations": [{"expression": expression, "message": message}],
    }
    cluster.plane.request("POST", f"{group}/validatingadmissionpolicies", {"metadata": {"name": name}, "spec": spec})
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": cluster.namespace}}}
    binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": where}
    body = {"metadata": {"name": name}, "spec": binding}
    cluster.plane.request("POST", f"{group}/validatingadmissionpolicybindings", body)
    probe = {"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "probe", "image": f"{IMAGE}:1.4.0"}]}}

    def refused() -> bool:
        """A policy takes effect a moment after it was made."""
        try:
            cluster.plane.request("POST", f"/api/v1/namespaces/{cluster.namespace}/pods?dryRun=All", probe)
        except ApiError as error:
            return message in str(error)
        return False

    cluster.wait(refused, "the policy")


def _stateful(cluster: Cluster, name: str, *, storage: str) -> None:
    container = {"name": name, "image": f"{IMAGE}:1.4.0", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}}
    spec = {
        "serviceName": name,
        "replicas": 1,
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }
    cluster.make("/apis/apps/v1", "statefulsets", name, spec=spec)


def _rule(path: str, service: str) -> dict[str, Any]:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    return {"host": "shop.example.com", "http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}}


def _slices(cluster: Cluster, service: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.get("/apis/discovery.k8s.io/v1", "endpointslices")["items"]
    return [s for s in found if s["metadata"]["labels"].get("kubernetes.io/service-name") == service]


def _ready_endpoints(cluster: Cluster, service: str) -> list[dict[str, Any]]:
    return [e for s in _slices(cluster, service) for e in s.get("endpoints") or []]


def _endpoint_ports(cluster: Cluster, service: str) -> set[int]:
    return {port["port"] for s in _slices(cluster, service) for port in s.get("ports") or []}


def _ends(cluster: Cluster, prefix: str, *, code: int) -> None:
    """The next Pod of that name runs, and its container ends with this code."""

    def pod() -> dict[str, Any]:
        found: list[dict[str, Any]] = cluster.get("/api/v1", "pods")["items"]
        return next((p for p in found if p["metadata"]["name"].startswith(prefix)), {})

    cluster.wait(lambda: pod().get("status", {}).get("phase") == "Running", f"a pod of {prefix}")
    ended = {"exitCode": code, "reason": "Error", "startedAt": now(), "finishedAt": now()}
    container = {**pod()["status"]["containerStatuses"][0], "ready": False, "state": {"terminated": ended}}
    status = {"phase": "Failed", "containerStatuses": [container], "conditions": []}
    cluster.patch("/api/v1", "pods", f"{pod()['metadata']['name']}/status", {"status": status})


if __name__ == "__main__":
    sys.exit(record({name: made for name, (made, _) in REFUSALS.items()}))
