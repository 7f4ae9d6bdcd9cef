"""Causes, with what their facts add, as labels of a benchmark of injected faults. The only place that knows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from incident_commander.api.causes import Cause
from incident_commander.api.statement import Hypothesis

_QUOTA = (
    ("service", "namespace_service_quota_exceeded"),
    ("storage", "namespace_storage_quota_exceeded"),
    ("persistentvolumeclaims", "namespace_storage_quota_exceeded"),
    ("cpu", "namespace_cpu_quota_exceeded"),
    ("memory", "namespace_memory_quota_exceeded"),
    ("pods", "namespace_pod_quota_exceeded"),
)
_CONSTRAINT = {
    "nodeSelector": "node_selector_mismatch",
    "nodeAffinity": "node_affinity_mismatch",
    "podAntiAffinity": "pod_anti_affinity_conflict",
}
_CAPACITY = {"cpu": "cpu_capacity_mismatch", "memory": "memory_capacity_mismatch"}
_REGISTRY = {"DNS": "image_registry_dns_failure"}
_CLAIM = {
    "SelectorMismatch": "pvc_selector_mismatch",
    "StorageClassMismatch": "pvc_storage_class_mismatch",
    "StorageClassMissing": "pvc_storage_class_mismatch",
    "AccessModeMismatch": "pvc_access_mode_mismatch",
    "CapacityMismatch": "pvc_capacity_mismatch",
    "VolumeOccupied": "pv_binding_occupied",
}
_PROBE = {
    ("liveness", "Protocol"): "liveness_probe_incorrect_protocol",
    ("liveness", "Port"): "liveness_probe_incorrect_port",
    ("liveness", "Timing"): "liveness_probe_incorrect_timing",
    ("readiness", "Protocol"): "readiness_probe_incorrect_protocol",
    ("readiness", "Port"): "readiness_probe_incorrect_port",
}
_PLAIN = {
    Cause.SERVICE_ACCOUNT_MISSING: "missing_service_account",
    Cause.NODE_CORDONED: "node_cordon_mismatch",
    Cause.UNSCHEDULABLE_TAINT: "taint_toleration_mismatch",
    Cause.IMAGE_NOT_FOUND: "incorrect_image_reference",
    Cause.IMAGE_PULL_UNAUTHORIZED: "missing_image_pull_secret",
    Cause.VOLUME_PERMISSION_DENIED: "volume_mount_permission_denied",
    Cause.MEMORY_LIMIT_TOO_LOW: "oom_killed",
    Cause.MEMORY_LEAK: "oom_killed",
    Cause.SCALED_TO_ZERO: "deployment_zero_replicas",
    Cause.PORT_CONFLICT: "service_sidecar_port_conflict",
    Cause.DATABASE_CREDENTIALS_INVALID: "mysql_invalid_credentials",
    Cause.DATABASE_CONNECTIONS_EXHAUSTED: "db_connection_exhaustion",
    Cause.DATABASE_READ_ONLY: "db_read_only",
    Cause.SERVICE_SELECTS_NOTHING: "service_selector_mismatch",
    Cause.SERVICE_WRONG_PORT: "service_port_mapping_mismatch",
    Cause.SERVICE_PROTOCOL_MISMATCH: "service_protocol_mismatch",
    Cause.GATEWAY_MISROUTED: "gateway_misroute",
    Cause.DNS_RESOLUTION_FAILURE: "service_dns_resolution_failure",
    Cause.KUBELET_DOWN: "kubelet_unavailable",
    Cause.CONTAINER_RUNTIME_DOWN: "containerd_unavailable",
    Cause.KUBE_PROXY_DOWN: "kube_proxy_unavailable",
    Cause.SCHEDULER_DOWN: "kube_scheduler_unavailable",
}


def label(hypothesis: Hypothesis) -> str:
    """The benchmark's word for it, or the empty string when it has none."""
    told = _BY_FACTS.get(hypothesis.cause)
    if told is not None:
        return told(hypothesis.facts)
    if hypothesis.object is not None and hypothesis.object.kind == "Node":
        return _OF_NODES.get(hypothesis.cause, _PLAIN.get(hypothesis.cause, ""))
    return _OF_APPLICATIONS.get(hypothesis.cause, _PLAIN.get(hypothesis.cause, ""))


def _quota(facts: Mapping[str, str]) -> str:
    return next((name for word, name in _QUOTA if word in facts.get("resource", "")), "")


def _address(facts: Mapping[str, str]) -> str:
    to_database = facts.get("protocol") in ("mysql", "postgresql") and facts.get("problem") == "Port"
    return "mysql_invalid_port" if to_database else "service_env_var_address_mismatch"


def _lost(facts: Mapping[str, str]) -> str:
    return "kubelet_unavailable" if facts.get("reason") == "NodeStatusUnknown" else "containerd_unavailable"


_BY_FACTS: Mapping[Cause, Callable[[Mapping[str, str]], str]] = {
    Cause.QUOTA_EXCEEDED: _quota,
    Cause.DEPENDENCY_ADDRESS_WRONG: _address,
    Cause.NODE_NOT_READY: _lost,
    Cause.UNSCHEDULABLE_AFFINITY: lambda facts: _CONSTRAINT.get(facts.get("constraint", ""), ""),
    Cause.UNSCHEDULABLE_RESOURCES: lambda facts: _CAPACITY.get(facts.get("resource", ""), ""),
    Cause.VOLUME_CLAIM_PENDING: lambda facts: _CLAIM.get(facts.get("reason", ""), ""),
    Cause.PROBE_MISCONFIGURED: lambda facts: _PROBE.get((facts.get("probe", ""), facts.get("problem", "")), ""),
    Cause.IMAGE_REGISTRY_UNREACHABLE: lambda facts: _REGISTRY.get(facts.get("problem", ""), ""),
    Cause.CONFIG_MISSING: lambda facts: "missing_secret_binding" if "secret" in facts else "",
}
_OF_NODES = {Cause.NETWORK_LATENCY: "node_network_delay", Cause.PACKET_LOSS: "node_network_packet_loss"}
_OF_APPLICATIONS = {
    Cause.CPU_SATURATED: "pod_cpu_overload",
    Cause.CPU_THROTTLED: "pod_cpu_overload",
    Cause.NETWORK_LATENCY: "pod_network_delay",
}


def object_(hypothesis: Hypothesis) -> str:
    """``Kind/namespace/name``. Of a node or a claim that keeps a workload waiting, the workload."""
    dependent = hypothesis.facts.get("dependent", "")
    if hypothesis.cause in (Cause.NODE_CORDONED, Cause.VOLUME_CLAIM_PENDING) and dependent:
        return dependent
    return str(hypothesis.object) if hypothesis.object is not None else dependent
