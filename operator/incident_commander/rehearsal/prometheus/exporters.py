"""What cAdvisor, kube-state-metrics and the applications export about the rehearsed cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from incident_commander.api.kinds import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    JOB,
    NODE,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    STATEFUL_SET,
)
from incident_commander.api.quantity import parse_quantity
from incident_commander.ports import Object
from incident_commander.rehearsal.kubelet.kubelet import Kubelet
from incident_commander.rehearsal.objects import controller_of, dig, name_of, namespace_of, uid_of
from incident_commander.rehearsal.store import Store

Exported = tuple[str, Mapping[str, str], float]
"""(metric, labels, value)."""


def cadvisor(kubelet: Kubelet) -> Iterator[Exported]:
    """Resource usage of running containers. A restarted container is a new series, as in reality (label ``id``)."""
    job = {"job": "kubelet", "metrics_path": "/metrics/cadvisor"}
    for pod, container in kubelet.running():
        usage = container.usage()
        labels = job | {
            "namespace": namespace_of(pod) or "",
            "pod": name_of(pod),
            "container": container.name,
            "image": str(container.spec["image"]),
            "id": f"/kubepods/pod{uid_of(pod)}/{container.run}",
            "node": str(dig(pod, "spec", "nodeName")),
        }
        yield "container_memory_working_set_bytes", labels, usage.memory
        yield "container_memory_rss", labels, usage.memory * 0.95
        yield "container_cpu_usage_seconds_total", labels, usage.cpu_seconds
        if container.limit("cpu") is not None:
            yield "container_cpu_cfs_periods_total", labels, usage.periods
            yield "container_cpu_cfs_throttled_periods_total", labels, usage.throttled
        for resource, metric in (("memory", "container_spec_memory_limit_bytes"),):
            yield metric, labels, container.limit(resource) or 0.0


def applications(kubelet: Kubelet) -> Iterator[Exported]:
    """Metrics of the programs themselves."""
    for pod, container in kubelet.running():
        labels = {"job": "applications", "namespace": namespace_of(pod) or "", "pod": name_of(pod)}
        for metric, value in container.behaviour.metrics.items():
            yield metric, labels | {"container": container.name}, value(container.age)


def kube_state_metrics(store: Store) -> Iterator[Exported]:
    """The state of objects as metrics."""
    for pod in store.scan(POD):
        yield from _pod(pod)
    for deployment in store.scan(DEPLOYMENT):
        yield from _workload(deployment, "deployment", ("kube_deployment_spec_replicas", "kube_deployment_status"))
    for stateful_set in store.scan(STATEFUL_SET):
        yield from _workload(stateful_set, "statefulset", ("kube_statefulset_replicas", "kube_statefulset_status"))
    for autoscaler in store.scan(HORIZONTAL_POD_AUTOSCALER):
        yield from _autoscaler(autoscaler)
    for node in store.scan(NODE):
        yield from _node(node)
    for job in store.scan(JOB):
        labels = {**_STATE, "namespace": namespace_of(job) or "", "job_name": name_of(job)}
        failed = any(c["type"] == "Failed" and c["status"] == "True" for c in dig(job, "status", "conditions") or [])
        yield "kube_job_failed", labels | {"condition": "true"}, float(failed)
        yield "kube_job_status_failed", labels, float(dig(job, "status", "failed") or 0)
    for claim in store.scan(PERSISTENT_VOLUME_CLAIM):
        labels = {**_STATE, "namespace": namespace_of(claim) or "", "persistentvolumeclaim": name_of(claim)}
        for phase in ("Bound", "Pending", "Lost"):
            current = float(dig(claim, "status", "phase") == phase)
            yield "kube_persistentvolumeclaim_status_phase", labels | {"phase": phase}, current


_STATE = {"job": "kube-state-metrics"}


def _pod(pod: Object) -> Iterator[Exported]:
    labels = {**_STATE, "namespace": namespace_of(pod) or "", "pod": name_of(pod), "uid": uid_of(pod)}
    owner = controller_of(pod) or {}
    node = {"node": str(dig(pod, "spec", "nodeName") or "")}
    yield "kube_pod_info", labels | node, 1.0
    yield "kube_pod_owner", labels | {"owner_kind": str(owner.get("kind")), "owner_name": str(owner.get("name"))}, 1.0
    for phase in ("Pending", "Running", "Succeeded", "Failed", "Unknown"):
        yield "kube_pod_status_phase", labels | {"phase": phase}, float(dig(pod, "status", "phase") == phase)
    ready = next((c["status"] for c in dig(pod, "status", "conditions") or [] if c["type"] == "Ready"), "False")
    for value in ("true", "false", "unknown"):
        yield "kube_pod_status_ready", labels | {"condition": value}, float(ready.lower() == value)
    for container in dig(pod, "spec", "containers") or []:
        for group in ("limits", "requests"):
            for resource, quantity in (dig(container, "resources", group) or {}).items():
                more = {"container": str(container["name"]), "resource": resource, **node}
                more["unit"] = "byte" if resource == "memory" else "core"
                yield f"kube_pod_container_resource_{group}", labels | more, float(parse_quantity(str(quantity)))
    for status in dig(pod, "status", "containerStatuses") or []:
        yield from _container_status(labels | {"container": str(status["name"])}, status)


def _container_status(labels: Mapping[str, str], status: Mapping[str, object]) -> Iterator[Exported]:
    yield "kube_pod_container_status_restarts_total", labels, float(str(status["restartCount"]))
    yield "kube_pod_container_status_ready", labels, float(bool(status["ready"]))
    yield "kube_pod_container_status_running", labels, float(dig(status, "state", "running") is not None)
    waiting = dig(status, "state", "waiting", "reason")
    if waiting:
        yield "kube_pod_container_status_waiting_reason", {**labels, "reason": str(waiting)}, 1.0
    last = dig(status, "lastState", "terminated", "reason")
    if last:
        yield "kube_pod_container_status_last_terminated_reason", {**labels, "reason": str(last)}, 1.0


def _workload(obj: Object, label: str, metrics: tuple[str, str]) -> Iterator[Exported]:
    labels = {**_STATE, "namespace": namespace_of(obj) or "", label: name_of(obj)}
    desired, status = metrics
    yield desired, labels, float(dig(obj, "spec", "replicas") or 0)
    yield f"{status}_replicas", labels, float(dig(obj, "status", "replicas") or 0)
    yield f"{status}_replicas_available", labels, float(dig(obj, "status", "availableReplicas") or 0)
    yield f"{status}_replicas_ready", labels, float(dig(obj, "status", "readyReplicas") or 0)
    yield f"{status}_replicas_updated", labels, float(dig(obj, "status", "updatedReplicas") or 0)
    yield f"{status}_observed_generation", labels, float(dig(obj, "status", "observedGeneration") or 0)
    yield f"kube_{label}_metadata_generation", labels, float(dig(obj, "metadata", "generation") or 0)
    for condition in dig(obj, "status", "conditions") or []:
        for value in ("true", "false", "unknown"):
            more = {"condition": str(condition["type"]), "status": value}
            yield f"kube_{label}_status_condition", labels | more, float(condition["status"].lower() == value)


def _autoscaler(obj: Object) -> Iterator[Exported]:
    labels = {**_STATE, "namespace": namespace_of(obj) or "", "horizontalpodautoscaler": name_of(obj)}
    prefix = "kube_horizontalpodautoscaler"
    yield f"{prefix}_spec_min_replicas", labels, float(dig(obj, "spec", "minReplicas") or 1)
    yield f"{prefix}_spec_max_replicas", labels, float(dig(obj, "spec", "maxReplicas") or 0)
    yield f"{prefix}_status_current_replicas", labels, float(dig(obj, "status", "currentReplicas") or 0)
    yield f"{prefix}_status_desired_replicas", labels, float(dig(obj, "status", "desiredReplicas") or 0)


def _node(obj: Object) -> Iterator[Exported]:
    labels = {**_STATE, "node": name_of(obj)}
    yield "kube_node_spec_unschedulable", labels, float(bool(dig(obj, "spec", "unschedulable")))
    for condition in dig(obj, "status", "conditions") or []:
        for value in ("true", "false", "unknown"):
            more = {"condition": str(condition["type"]), "status": value}
            yield "kube_node_status_condition", labels | more, float(condition["status"].lower() == value)
