"""What each analyser looks for, in the words of an on-call engineer, and what it needs to have read for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from incident_agents.diagnosis.measures import Measure
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.kinds import Kind


@dataclass(frozen=True, slots=True)
class Asking:
    """``topic``: what analysers that look at the same trouble share. ``causes``: those that it may find.

    ``kinds``: besides pods and events. ``measures``: any of them must be measured of a workload or a node;
    ``queries``: any of them must have been answered with data.
    """

    topic: str
    causes: frozenset[Cause]
    kinds: tuple[Kind, ...] = ()
    logs: bool = False
    measures: tuple[Measure, ...] = ()
    queries: tuple[str, ...] = ()


_AUTOSCALING = "autoscaling and disruption budgets"
_ADDRESSES = "wrong addresses"
_LATENCY = "network latency and loss"
_SETUP = "mounts and container set-up"

ASKING: Mapping[str, Asking] = {
    "admission": Asking(
        "admission and Pod Security",
        frozenset(
            {
                Cause.ADMISSION_REFUSED,
                Cause.NAMESPACE_TERMINATING,
                Cause.POD_SECURITY_REFUSED,
                Cause.SERVICE_ACCOUNT_MISSING,
            }
        ),
        (kinds.REPLICA_SET,),
    ),
    "autoscaling": Asking(_AUTOSCALING, frozenset({Cause.HPA_AT_MAXIMUM}), (kinds.HORIZONTAL_POD_AUTOSCALER,)),
    "breakers": Asking(
        "circuit breakers and rate limits", frozenset({Cause.DEPENDENCY_DOWN, Cause.DEPENDENCY_SLOW}), logs=True
    ),
    "certificates": Asking("TLS certificates", frozenset({Cause.TLS_CERTIFICATE_INVALID}), logs=True),
    "claims": Asking(
        "volume claims",
        frozenset({Cause.VOLUME_CLAIM_PENDING}),
        (kinds.PERSISTENT_VOLUME_CLAIM, kinds.PERSISTENT_VOLUME),
    ),
    "clients": Asking("traffic of one client", frozenset({Cause.TRAFFIC_SURGE}), logs=True),
    "components": Asking(
        "nodes and their components",
        frozenset(
            {
                Cause.CONTAINER_RUNTIME_DOWN,
                Cause.CONTROL_PLANE_DOWN,
                Cause.KUBELET_DOWN,
                Cause.KUBE_PROXY_DOWN,
                Cause.NETWORK_PLUGIN_DOWN,
                Cause.NODE_CLOCK_SKEWED,
                Cause.SCHEDULER_DOWN,
            }
        ),
        (kinds.NODE,),
    ),
    "config": Asking("missing ConfigMaps and Secrets", frozenset({Cause.CONFIG_MISSING}), (kinds.CONFIG_MAP,)),
    "control_plane": Asking("control plane", frozenset({Cause.CONTROL_PLANE_DOWN}), logs=True),
    "cpu": Asking("CPU", frozenset({Cause.CPU_THROTTLED}), measures=(Measure.THROTTLING,)),
    "crashes": Asking(
        "crashing containers", frozenset({Cause.BAD_COMMAND, Cause.CRASH_AFTER_ROLLOUT, Cause.CRASH_LOOP})
    ),
    "daemons": Asking("scheduling", frozenset({Cause.UNSCHEDULABLE_TAINT}), (kinds.NODE,)),
    "databases": Asking(
        "databases and brokers",
        frozenset(
            {
                Cause.CACHE_MEMORY_EXHAUSTED,
                Cause.DATABASE_CONNECTIONS_EXHAUSTED,
                Cause.DATABASE_CREDENTIALS_INVALID,
                Cause.DATABASE_LOCK_CONTENTION,
                Cause.DATABASE_READ_ONLY,
                Cause.MESSAGE_QUEUE_BACKLOG,
                Cause.REPLICATION_LAG,
            }
        ),
        logs=True,
    ),
    "dependencies": Asking("dependencies that are down", frozenset({Cause.DEPENDENCY_DOWN}), logs=True),
    "disks": Asking("waiting for disks", frozenset({Cause.DISK_SATURATED}), logs=True),
    "disruption": Asking(
        _AUTOSCALING,
        frozenset({Cause.DISRUPTION_BLOCKED, Cause.HPA_CANNOT_SCALE}),
        (kinds.HORIZONTAL_POD_AUTOSCALER, kinds.POD_DISRUPTION_BUDGET),
    ),
    "evictions": Asking("evictions", frozenset({Cause.NODE_PRESSURE, Cause.RESOURCE_LIMIT_REACHED})),
    "exhaustion": Asking("memory", frozenset({Cause.MEMORY_LIMIT_TOO_LOW}), logs=True),
    "external": Asking(
        "APIs outside of the cluster", frozenset({Cause.DEPENDENCY_DOWN, Cause.DEPENDENCY_SLOW}), logs=True
    ),
    "faults": Asking("injected faults", frozenset({Cause.FAULT_INJECTED}), logs=True),
    "followers": Asking(_ADDRESSES, frozenset({Cause.DEPENDENCY_ADDRESS_WRONG}), (kinds.SERVICE,), logs=True),
    "gateways": Asking("gateways and ingress", frozenset({Cause.GATEWAY_MISROUTED}), (kinds.CONFIG_MAP, kinds.SERVICE)),
    "gone": Asking("existence of the target", frozenset({Cause.TARGET_GONE})),
    "images": Asking(
        "image pulls",
        frozenset({Cause.IMAGE_NOT_FOUND, Cause.IMAGE_PULL_UNAUTHORIZED, Cause.IMAGE_REGISTRY_UNREACHABLE}),
    ),
    "jobs": Asking("Jobs and CronJobs", frozenset({Cause.CRON_JOB_FAILING, Cause.JOB_FAILED}), (kinds.JOB,)),
    "lagging": Asking(
        "replication lag and backlogs",
        frozenset({Cause.MESSAGE_QUEUE_BACKLOG, Cause.REPLICATION_LAG}),
        measures=(Measure.BACKLOG, Measure.REPLICATION_LAG),
    ),
    "limits": Asking("limits of files and threads", frozenset({Cause.RESOURCE_LIMIT_REACHED}), logs=True),
    "memory": Asking("memory", frozenset({Cause.MEMORY_LEAK, Cause.MEMORY_LIMIT_TOO_LOW}), measures=(Measure.MEMORY,)),
    "misdelivered": Asking("gateways and ingress", frozenset({Cause.GATEWAY_MISROUTED}), (kinds.SERVICE,), logs=True),
    "namespaces": Asking("namespace deletion", frozenset({Cause.NAMESPACE_TERMINATING}), (kinds.NAMESPACE,)),
    "network": Asking(
        _LATENCY,
        frozenset({Cause.NETWORK_LATENCY, Cause.PACKET_LOSS}),
        measures=(Measure.LATENCY, Measure.LOSS, Measure.RETRANSMISSIONS),
    ),
    "nodes": Asking(
        "nodes and their components",
        frozenset({Cause.NODE_CORDONED, Cause.NODE_NOT_READY, Cause.NODE_PRESSURE}),
        (kinds.NODE,),
    ),
    "permissions": Asking(
        "file and API permissions", frozenset({Cause.RBAC_FORBIDDEN, Cause.VOLUME_PERMISSION_DENIED}), logs=True
    ),
    "policies": Asking(
        "NetworkPolicies", frozenset({Cause.NETWORK_POLICY_BLOCKS}), (kinds.NETWORK_POLICY, kinds.SERVICE), logs=True
    ),
    "ports": Asking("port conflicts in a pod", frozenset({Cause.PORT_CONFLICT}), logs=True),
    "probes": Asking("probes", frozenset({Cause.APP_NOT_ANSWERING, Cause.PROBE_MISCONFIGURED})),
    "proxying": Asking("kube-proxy", frozenset({Cause.KUBE_PROXY_DOWN}), (kinds.NODE, kinds.SERVICE), logs=True),
    "queries": Asking("slow queries", frozenset({Cause.DEPENDENCY_SLOW}), logs=True),
    "quota": Asking("quotas", frozenset({Cause.QUOTA_EXCEEDED}), (kinds.RESOURCE_QUOTA,)),
    "references": Asking(
        _ADDRESSES, frozenset({Cause.DEPENDENCY_ADDRESS_WRONG, Cause.GATEWAY_MISROUTED}), (kinds.SERVICE,)
    ),
    "resolution": Asking("DNS", frozenset({Cause.DNS_RESOLUTION_FAILURE}), logs=True),
    "regressions": Asking("errors", frozenset({Cause.CRASH_AFTER_ROLLOUT}), measures=(Measure.ERRORS,)),
    "rollouts": Asking("rollouts that are stuck", frozenset({Cause.ROLLOUT_STUCK})),
    "routes": Asking("gateways and ingress", frozenset({Cause.GATEWAY_MISROUTED}), (kinds.INGRESS, kinds.SERVICE)),
    "saturation": Asking(
        "CPU", frozenset({Cause.CPU_SATURATED, Cause.DISK_SATURATED, Cause.TRAFFIC_SURGE}), measures=(Measure.CPU,)
    ),
    "scaled": Asking("scaling to zero", frozenset({Cause.SCALED_TO_ZERO}), (kinds.DEPLOYMENT,)),
    "scheduling": Asking(
        "scheduling",
        frozenset(
            {
                Cause.NODE_CORDONED,
                Cause.UNSCHEDULABLE_AFFINITY,
                Cause.UNSCHEDULABLE_RESOURCES,
                Cause.UNSCHEDULABLE_TAINT,
                Cause.UNSCHEDULABLE_VOLUME,
            }
        ),
        (kinds.NODE,),
    ),
    "services": Asking(
        "Service selectors and ports",
        frozenset({Cause.SERVICE_PROTOCOL_MISMATCH, Cause.SERVICE_SELECTS_NOTHING, Cause.SERVICE_WRONG_PORT}),
        (kinds.SERVICE,),
    ),
    "setups": Asking(_SETUP, frozenset({Cause.POD_SECURITY_REFUSED, Cause.VOLUME_MOUNT_FAILED})),
    "slow": Asking(_LATENCY, frozenset({Cause.DEPENDENCY_SLOW}), logs=True),
    "startup": Asking(
        _SETUP,
        frozenset(
            {
                Cause.MEMORY_LIMIT_TOO_LOW,
                Cause.POD_SANDBOX_FAILED,
                Cause.VOLUME_MOUNT_FAILED,
                Cause.VOLUME_PERMISSION_DENIED,
            }
        ),
    ),
    "unreached": Asking(
        _ADDRESSES, frozenset({Cause.DEPENDENCY_ADDRESS_WRONG, Cause.GATEWAY_MISROUTED}), (kinds.SERVICE,), logs=True
    ),
    "unscheduled": Asking("scheduling", frozenset({Cause.SCHEDULER_DOWN})),
    "vertical": Asking(
        _AUTOSCALING, frozenset({Cause.HPA_CANNOT_SCALE, Cause.MEMORY_LIMIT_TOO_LOW}), (kinds.VERTICAL_POD_AUTOSCALER,)
    ),
    "volumes": Asking(
        "full volumes",
        frozenset({Cause.VOLUME_FULL}),
        (kinds.PERSISTENT_VOLUME_CLAIM,),
        queries=("volume_used", "volume_inodes_ratio"),
    ),
}
"""By the name of the analyser's file."""
