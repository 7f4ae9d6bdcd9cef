"""The Prometheus queries that code can name, over cAdvisor, kubelet and kube-state-metrics.

Each function gives a ``ports.Query``: ``promql`` for a real Prometheus, ``name`` and ``params`` for whoever
answers without one. ``params`` of queries about a workload: ``namespace``, ``kind``, ``name`` (the
TargetRef's), ``container`` when one was asked for, ``window`` (seconds) where a rate is taken.
Series of containers carry the labels ``namespace``, ``pod`` and ``container``; those of volumes ``namespace``
and ``persistentvolumeclaim`` (all claims of the namespace when none is named).
A target of kind Namespace stands for all pods in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from incident_commander.api.meta import TargetRef
from incident_commander.ports import Query

RATE_WINDOW_SECONDS = 300
"""Four scrapes at the usual 60 s and less, and the window of the CPUThrottlingHigh alert."""

_POD_NAME_LIMIT = 58
"""A generated name is cut here before its five random characters (apiserver ``names.MaxGeneratedNameLength``)."""

KINDS_WITH_PODS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"})
"""Workloads whose pods have generated names."""

IDENTIFYING_LABELS: tuple[str, ...] = (
    "namespace",
    "deployment",
    "statefulset",
    "daemonset",
    "replicaset",
    "job_name",
    "cronjob",
    "pod",
    "container",
    "node",
    "persistentvolumeclaim",
    "horizontalpodautoscaler",
    "service",
)
"""Labels that say which object an alert is about. Others may be external labels, which ``ALERTS`` lacks."""


def escape(text: str) -> str:
    """A label value between double quotes (PromQL string literals use Go's escapes)."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")


def equals(label: str, text: str) -> str:
    """``label="text"``."""
    return f'{label}="{escape(text)}"'


def matches(label: str, pattern: str) -> str:
    """``label=~"pattern"`` (RE2, anchored by Prometheus)."""
    return f'{label}=~"{escape(pattern)}"'


def pod_pattern(kind: str, name: str) -> str:
    """RE2 pattern of the names that the controllers give to the pods of a workload, past ones included."""
    suffix = "[a-z0-9]{5}"
    middle = {"Deployment": "[a-z0-9]{1,10}-", "CronJob": "[0-9]+-(?:[0-9]+-)?", "Job": "(?:[0-9]+-)?"}.get(kind, "")
    if kind == "Pod":
        return re.escape(name)
    if kind == "StatefulSet":
        return f"{re.escape(name)}-[0-9]+"
    longest = {"Deployment": 12, "CronJob": 12}.get(kind, 1)
    if len(name) + longest > _POD_NAME_LIMIT:
        return f"{re.escape(name[: _POD_NAME_LIMIT - longest])}.*"
    return f"{re.escape(name)}-{middle}{suffix}"


def memory_working_set(target: TargetRef, container: str | None = None) -> Query:
    """Working set of each container, in bytes: what the kernel compares with the limit. For ranges."""
    return _of_pods(
        "container_memory_working_set", "container_memory_working_set_bytes{%s}", target, container, "bytes"
    )


def memory_limit(target: TargetRef, container: str | None = None) -> Query:
    """Memory limit of each container, in bytes."""
    return _of_pods(
        "container_memory_limit",
        'kube_pod_container_resource_limits{%s,resource="memory"}',
        target,
        container,
        "bytes",
    )


def cpu_limit(target: TargetRef, container: str | None = None) -> Query:
    """CPU limit of each container, in cores."""
    return _of_pods(
        "container_cpu_limit", 'kube_pod_container_resource_limits{%s,resource="cpu"}', target, container, "cores"
    )


def cpu_usage(target: TargetRef, container: str | None = None, window_seconds: int = RATE_WINDOW_SECONDS) -> Query:
    """CPU usage of each container, in cores."""
    return _of_pods(
        "container_cpu_usage",
        f"sum by (namespace, pod, container) (rate(container_cpu_usage_seconds_total{{%s}}[{window_seconds}s]))",
        target,
        container,
        "cores",
        window_seconds,
    )


def cpu_throttled(target: TargetRef, container: str | None = None, window_seconds: int = RATE_WINDOW_SECONDS) -> Query:
    """Share of CFS periods in which each container was throttled, 0 to 1."""
    by = "sum by (namespace, pod, container)"
    return _of_pods(
        "container_cpu_throttled_ratio",
        f"{by} (increase(container_cpu_cfs_throttled_periods_total{{%s}}[{window_seconds}s]))"
        f" / {by} (increase(container_cpu_cfs_periods_total{{%s}}[{window_seconds}s]))",
        target,
        container,
        "ratio",
        window_seconds,
    )


def restarts(target: TargetRef, container: str | None = None) -> Query:
    """Restart counter of each container."""
    return _of_pods("container_restarts", "kube_pod_container_status_restarts_total{%s}", target, container, "restarts")


def replicas_desired(target: TargetRef) -> Query:
    """``spec.replicas`` of a Deployment or StatefulSet."""
    metric = {"StatefulSet": "kube_statefulset_replicas"}.get(target.kind, "kube_deployment_spec_replicas")
    return _of_workload("workload_replicas_desired", metric, target)


def replicas_available(target: TargetRef) -> Query:
    """Available replicas of a Deployment or StatefulSet."""
    metric = {"StatefulSet": "kube_statefulset_status_replicas_available"}.get(
        target.kind, "kube_deployment_status_replicas_available"
    )
    return _of_workload("workload_replicas_available", metric, target)


def hpa_current_replicas(namespace: str, name: str) -> Query:
    """Replicas that an HPA sees."""
    return _of_hpa("hpa_current_replicas", "kube_horizontalpodautoscaler_status_current_replicas", namespace, name)


def hpa_desired_replicas(namespace: str, name: str) -> Query:
    """Replicas that an HPA wants, capped at its maximum."""
    return _of_hpa("hpa_desired_replicas", "kube_horizontalpodautoscaler_status_desired_replicas", namespace, name)


def hpa_max_replicas(namespace: str, name: str) -> Query:
    """``spec.maxReplicas`` of an HPA."""
    return _of_hpa("hpa_max_replicas", "kube_horizontalpodautoscaler_spec_max_replicas", namespace, name)


def volume_used(namespace: str, claim: str | None = None) -> Query:
    """Used bytes of a claim's volume, as its node's kubelet sees them."""
    return _of_claim("volume_used", "kubelet_volume_stats_used_bytes{%s}", namespace, claim, "bytes")


def volume_capacity(namespace: str, claim: str | None = None) -> Query:
    """Capacity in bytes of a claim's volume."""
    return _of_claim("volume_capacity", "kubelet_volume_stats_capacity_bytes{%s}", namespace, claim, "bytes")


def volume_used_ratio(namespace: str, claim: str | None = None) -> Query:
    """Used share of the bytes of a claim's volume, 0 to 1."""
    return _of_claim(
        "volume_used_ratio",
        "kubelet_volume_stats_used_bytes{%s} / kubelet_volume_stats_capacity_bytes{%s}",
        namespace,
        claim,
        "ratio",
    )


def volume_inodes_ratio(namespace: str, claim: str | None = None) -> Query:
    """Used share of the inodes of a claim's volume, 0 to 1; no data where the file system has no fixed number."""
    return _of_claim(
        "volume_inodes_ratio",
        "kubelet_volume_stats_inodes_used{%s} / (kubelet_volume_stats_inodes{%s} > 0)",
        namespace,
        claim,
        "ratio",
    )


def node_conditions(node: str) -> Query:
    """Conditions of a node that hold: one series for each, label ``condition``, value 1."""
    return Query(
        "node_conditions",
        f'kube_node_status_condition{{{equals("node", node)},status="true"}} == 1',
        {"node": node},
        "bool",
    )


def alert(labels: Mapping[str, str], target: TargetRef | None = None) -> Query:
    """The alert's instances that are pending or firing now (label ``alertstate``); none means not active.

    Only ``alertname`` and the labels that identify an object are matched: external labels (``cluster``,
    ``prometheus``) are on the alert but not on ``ALERTS``, and asking for them would find nothing, which
    reads as "resolved". With a workload as target, a ``pod`` label matches any pod of the workload, since
    a replaced pod with the same trouble has another name.
    No series does not prove that the rule could be evaluated: ask ``sources_up`` as well.
    """
    params = {"alertname": labels.get("alertname", "")}
    selectors = [equals("alertname", params["alertname"])]
    for label in IDENTIFYING_LABELS:
        text = labels.get(label)
        if text is None:
            continue
        if label == "pod" and target is not None and target.kind in KINDS_WITH_PODS:
            selectors.append(matches("pod", pod_pattern(target.kind, target.name)))
            params |= {"kind": target.kind, "name": target.name}
        else:
            selectors.append(equals(label, text))
            params[label] = text
    return Query("alert", f"ALERTS{{{','.join(selectors)}}}", params, "bool")


def sources_up() -> Query:
    """Scrape targets that are up, by ``job``. Nothing, or 0 for a job, means that silence proves nothing."""
    return Query("sources_up", "sum by (job) (up)", {}, "targets")


def sample_age(target: TargetRef) -> Query:
    """Age in seconds of the newest memory sample of the target's pods: how stale Prometheus is about them."""
    return _of_pods(
        "sample_age", "time() - max(timestamp(container_memory_working_set_bytes{%s}))", target, None, "seconds"
    )


def expression(name: str, promql: str) -> Query:
    """A query that a policy or a runbook wrote out; ``name`` is its check's name."""
    return Query(f"expression:{name}", promql, {"promql": promql}, "")


def _of_pods(
    name: str, template: str, target: TargetRef, container: str | None, unit: str, window_seconds: int | None = None
) -> Query:
    params = {"namespace": target.namespace or "", "kind": target.kind, "name": target.name}
    selectors = [equals("namespace", target.namespace or "")]
    if target.kind == "Pod":
        selectors.append(equals("pod", target.name))
    elif target.kind != "Namespace":
        selectors.append(matches("pod", pod_pattern(target.kind, target.name)))
    if container is None:
        selectors += ['container!=""', 'container!="POD"']
    else:
        selectors.append(equals("container", container))
        params["container"] = container
    if window_seconds is not None:
        params["window"] = str(window_seconds)
    return Query(name, template.replace("%s", ",".join(selectors)), params, unit)


def _of_workload(name: str, metric: str, target: TargetRef) -> Query:
    label = target.kind.lower()
    selector = f"{equals('namespace', target.namespace or '')},{equals(label, target.name)}"
    params = {"namespace": target.namespace or "", "kind": target.kind, "name": target.name}
    return Query(name, f"{metric}{{{selector}}}", params, "replicas")


def _of_hpa(name: str, metric: str, namespace: str, hpa: str) -> Query:
    selector = f"{equals('namespace', namespace)},{equals('horizontalpodautoscaler', hpa)}"
    params = {"namespace": namespace, "horizontalpodautoscaler": hpa}
    return Query(name, f"{metric}{{{selector}}}", params, "replicas")


def _of_claim(name: str, template: str, namespace: str, claim: str | None, unit: str) -> Query:
    selector, params = equals("namespace", namespace), {"namespace": namespace}
    if claim is not None:
        selector += f",{equals('persistentvolumeclaim', claim)}"
        params["persistentvolumeclaim"] = claim
    return Query(name, template.replace("%s", selector), params, unit)
