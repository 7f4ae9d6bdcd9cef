"""Objects as the controllers and the kubelet write them, around one small application."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from incident_agents.diagnosis.verdict import CONFIDENCE, Verdict
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Alert, AlertStatus, Incident, IncidentSpec
from incident_commander.api.meta import ObjectMeta, TargetRef
from incident_commander.api.statement import Diagnosis
from incident_commander.evidence.evidence import Evidence, Log, Measured, target_of
from incident_commander.ports import Object, Query, Series

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
NS = "shop"
IMAGE = "registry.example.com/shop/web:1.4.0"


def ago(**span: float) -> str:
    return (NOW - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def merged(base: Object, change: dict[str, Any]) -> Object:
    """``base`` with ``change`` merged in (maps merge, everything else replaces)."""
    result = copy.deepcopy(base)
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def meta(name: str, *, owner: Object | None = None, age: float = 7200, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "namespace": NS,
        "uid": f"uid-{name}",
        "resourceVersion": "4711",
        "creationTimestamp": ago(seconds=age),
        **more,
    }
    if owner is not None:
        found["ownerReferences"] = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    return found


def container(name: str = "web", image: str = IMAGE, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        **more,
    }


def template(app: str, *containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": list(containers) or [container(app)], "restartPolicy": "Always", **spec},
    }


def deployment(
    app: str = "web", *, replicas: int = 2, ready: int | None = None, revision: int = 1, **spec: Any
) -> Object:
    ready = replicas if ready is None else ready
    available = "True" if ready >= replicas else "False"
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta(
            app, age=86400, generation=revision, annotations={"deployment.kubernetes.io/revision": str(revision)}
        ),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": app}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "progressDeadlineSeconds": 600,
            "template": template(app),
            **spec,
        },
        "status": {
            "observedGeneration": revision,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "conditions": [
                {"type": "Available", "status": available, "reason": "MinimumReplicasAvailable"},
                {
                    "type": "Progressing",
                    "status": "True",
                    "reason": "NewReplicaSetAvailable",
                    "lastUpdateTime": ago(hours=20),
                },
            ],
        },
    }


def replica_set(
    owner: Object, hashed: str, *, revision: int = 1, replicas: int = 2, ready: int = 2, age: float = 86400, **spec: Any
) -> Object:
    app = owner["metadata"]["name"]
    pod_template = spec.pop("template", None) or owner["spec"]["template"]
    pod_template = merged(pod_template, {"metadata": {"labels": {"pod-template-hash": hashed}}})
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": meta(
            f"{app}-{hashed}",
            owner=owner,
            age=age,
            annotations={"deployment.kubernetes.io/revision": str(revision)},
            labels={"app": app, "pod-template-hash": hashed},
        ),
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": app}}, "template": pod_template, **spec},
        "status": {"replicas": replicas, "readyReplicas": ready, "availableReplicas": ready, "observedGeneration": 1},
    }


def running(
    name: str = "web", *, ready: bool = True, restarts: int = 0, age: float = 3600, **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "ready": ready,
        "started": True,
        "restartCount": restarts,
        "image": IMAGE,
        "imageID": f"{IMAGE}@sha256:{'a' * 64}",
        "containerID": f"containerd://{'b' * 64}",
        "state": {"running": {"startedAt": ago(seconds=age)}},
        "lastState": {},
        **more,
    }


def ended(code: int, reason: str, *, lived: float = 5, since: float = 60, message: str = "") -> dict[str, Any]:
    found = {
        "exitCode": code,
        "reason": reason,
        "startedAt": ago(seconds=since + lived),
        "finishedAt": ago(seconds=since),
        "containerID": f"containerd://{'c' * 64}",
    }
    return {"terminated": found | ({"message": message} if message else {})}


def crash_looping(
    name: str = "web", *, code: int = 1, reason: str = "Error", restarts: int = 5, **more: Any
) -> dict[str, Any]:
    last = more.pop("last", None) or ended(code, reason)
    return running(
        name,
        ready=False,
        restarts=restarts,
        state={
            "waiting": {
                "reason": "CrashLoopBackOff",
                "message": f"back-off 2m40s restarting failed container={name} pod={name}-x_{NS}(uid)",
            }
        },
        lastState=last,
        started=False,
        **more,
    )


def waiting(reason: str, message: str = "", name: str = "web") -> dict[str, Any]:
    state = {"waiting": {"reason": reason} | ({"message": message} if message else {})}
    return running(name, ready=False, state=state, started=False)


def pod(
    owner: Object, suffix: str, *statuses: dict[str, Any], phase: str = "Running", age: float = 3600, **spec: Any
) -> Object:
    pod_template = owner["spec"].get("template") or template(owner["metadata"]["name"])
    statuses = statuses or (running(pod_template["spec"]["containers"][0]["name"], age=age),)
    well = phase == "Running" and all(s["ready"] for s in statuses)
    labels = dict(pod_template["metadata"]["labels"])
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(f"{owner['metadata']['name']}-{suffix}", owner=owner, age=age, labels=labels),
        "spec": {**copy.deepcopy(pod_template["spec"]), "nodeName": "node-a", **spec},
        "status": {
            "phase": phase,
            "podIP": "10.244.1.17",
            "conditions": [
                {"type": "Initialized", "status": "True"},
                {"type": "Ready", "status": "True" if well else "False"},
                {"type": "PodScheduled", "status": "True"},
            ],
            "containerStatuses": list(statuses),
        },
    }


def pending(owner: Object, suffix: str, message: str) -> Object:
    found = pod(owner, suffix, phase="Pending", age=120)
    found["spec"].pop("nodeName")
    found["status"] = {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}],
    }
    return found


def event(
    about: Object,
    reason: str,
    message: str,
    *,
    kind: str = "Warning",
    age: float = 60,
    count: int = 5,
    container: str = "",
) -> Object:
    involved = {
        "kind": about["kind"],
        "name": about["metadata"]["name"],
        "apiVersion": about["apiVersion"],
        "uid": about["metadata"]["uid"],
    }
    if about["metadata"].get("namespace"):
        involved["namespace"] = about["metadata"]["namespace"]
    if container:
        involved["fieldPath"] = f"spec.containers{{{container}}}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": meta(f"{about['metadata']['name']}.{len(reason + message):x}", age=age),
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "type": kind,
        "count": count,
        "firstTimestamp": ago(seconds=age + 300),
        "lastTimestamp": ago(seconds=age),
        "source": {"component": "kubelet", "host": "node-a"},
    }


def node(name: str = "node-a", *, ready: str = "True", unschedulable: bool = False, **conditions: str) -> Object:
    stopped = ready == "Unknown"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "99", "creationTimestamp": ago(days=30)},
        "spec": {"podCIDR": "10.244.1.0/24"} | ({"unschedulable": True} if unschedulable else {}),
        "status": {
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
            "conditions": [
                {
                    "type": t,
                    "status": conditions.get(t, "False"),
                    "reason": f"KubeletHas{t}",
                    "message": f"kubelet has {t}",
                }
                for t in ("MemoryPressure", "DiskPressure", "PIDPressure")
            ]
            + [
                {
                    "type": "Ready",
                    "status": ready,
                    "reason": "NodeStatusUnknown" if stopped else "KubeletReady",
                    "message": "Kubelet stopped posting node status." if stopped else "kubelet is posting ready status",
                }
            ],
        },
    }


def service(name: str, selector: dict[str, str], *, port: int = 80, target: Any = "http", **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta(name),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "10.96.14.7",
            "selector": selector,
            "ports": [{"name": "http", "port": port, "targetPort": target, "protocol": "TCP"}],
            **spec,
        },
        "status": {"loadBalancer": {}},
    }


def endpoint_slice(of: Object, *ready: bool) -> Object:
    name = of["metadata"]["name"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta(f"{name}-x7k2p", labels={"kubernetes.io/service-name": name}),
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [f"10.244.1.{n + 10}"], "conditions": {"ready": r, "serving": r, "terminating": False}}
            for n, r in enumerate(ready)
        ],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}] if ready else None,
    }


def log(of: Object, *lines: str, container: str = "web", previous: bool = False) -> Log:
    return Log(NS, of["metadata"]["name"], container, previous, tuple(lines))


def series(name: str, values: Sequence[float], *, step: float = 15, until: float = 0, **labels: str) -> Measured:
    end = NOW.timestamp() - until
    points = tuple((end - step * (len(values) - 1 - n), value) for n, value in enumerate(values))
    return Measured(Query(name, name, {}, ""), (Series({"namespace": NS, **labels}, points),))


EVERYTHING = (
    kinds.NAMESPACE,
    kinds.POD,
    kinds.REPLICA_SET,
    kinds.DEPLOYMENT,
    kinds.STATEFUL_SET,
    kinds.DAEMON_SET,
    kinds.CONTROLLER_REVISION,
    kinds.JOB,
    kinds.CRON_JOB,
    kinds.SERVICE,
    kinds.ENDPOINT_SLICE,
    kinds.EVENT,
    kinds.PERSISTENT_VOLUME_CLAIM,
    kinds.HORIZONTAL_POD_AUTOSCALER,
    kinds.RESOURCE_QUOTA,
    kinds.CONFIG_MAP,
    kinds.SECRET,
    kinds.NODE,
    kinds.PERSISTENT_VOLUME,
    kinds.STORAGE_CLASS,
    kinds.SERVICE_ACCOUNT,
    kinds.INGRESS,
    kinds.HTTP_ROUTE,
    kinds.LEASE,
    kinds.NETWORK_POLICY,
    kinds.POD_DISRUPTION_BUDGET,
)


def evidence(
    target: Object | TargetRef | None,
    *objects: Object,
    logs: Sequence[Log] = (),
    metrics: dict[str, Measured] | None = None,
    gaps: Sequence[str] = (),
) -> Evidence:
    """Every kind was asked for; the target is among the objects unless it is only a reference."""
    found: dict[str, list[Object]] = {kind.resource: [] for kind in EVERYTHING}
    listed = list(objects)
    if isinstance(target, dict) and all(target is not o for o in listed):
        listed.insert(0, target)
    for obj in listed:
        kind = kinds.kind_of(obj["apiVersion"], obj["kind"])
        assert kind is not None
        found[kind.resource].append(obj)
    ref = target_of(target) if isinstance(target, dict) else target
    return Evidence(ref, NOW, found, tuple(logs), metrics or {}, tuple(gaps))


def incident(alert: str = "KubePodNotReady", *, since: float = 300) -> Incident:
    firing = Alert(
        fingerprint="f00",
        status=AlertStatus.FIRING,
        labels={"alertname": alert, "namespace": NS},
        starts_at=NOW - timedelta(seconds=since),
    )
    return Incident(metadata=ObjectMeta(name="inc-1", namespace=NS, uid="u-1"), spec=IncidentSpec(alerts=[firing]))


def told(diagnosis: Diagnosis) -> list[tuple[str, int]]:
    """Causes with confidence, for messages of failed assertions."""
    return [(h.cause.value, h.confidence) for h in diagnosis.hypotheses]


def is_healthy(diagnosis: Diagnosis) -> bool:
    """Whether it says first of all that nothing is wrong."""
    top = diagnosis.hypotheses[0] if diagnosis.hypotheses else None
    return top is not None and top.cause is Cause.UNKNOWN and top.confidence == CONFIDENCE[Verdict.HEALTHY]
