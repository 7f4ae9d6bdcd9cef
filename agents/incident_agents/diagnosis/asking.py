"""What each analyser looks for, in the words of an on-call engineer, and what it needs to have read for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from incident_agents.diagnosis.measures import Measure
from incident_commander.api import kinds
from incident_commander.api.kinds import Kind


@dataclass(frozen=True, slots=True)
class Asking:
    """``topic``: what analysers that look at the same trouble share.

    ``kinds``: besides pods and events. ``measures``: any of them must be measured of a workload or a node;
    ``queries``: any of them must have been answered with data.
    """

    topic: str
    kinds: tuple[Kind, ...] = ()
    logs: bool = False
    measures: tuple[Measure, ...] = ()
    queries: tuple[str, ...] = ()


_AUTOSCALING = "autoscaling and disruption budgets"
_ADDRESSES = "wrong addresses"
_SETUP = "mounts and container set-up"

ASKING: Mapping[str, Asking] = {
    "admission": Asking("admission and Pod Security", (kinds.REPLICA_SET,)),
    "autoscaling": Asking(_AUTOSCALING, (kinds.HORIZONTAL_POD_AUTOSCALER,)),
    "breakers": Asking("circuit breakers and rate limits", logs=True),
    "certificates": Asking("TLS certificates", logs=True),
    "claims": Asking("volume claims", (kinds.PERSISTENT_VOLUME_CLAIM, kinds.PERSISTENT_VOLUME)),
    "clients": Asking("traffic of one client", logs=True),
    "components": Asking("nodes and their components", (kinds.NODE,)),
    "config": Asking("missing ConfigMaps and Secrets", (kinds.CONFIG_MAP,)),
    "control_plane": Asking("control plane", logs=True),
    "cpu": Asking("CPU", measures=(Measure.THROTTLING,)),
    "crashes": Asking("crashing containers"),
    "databases": Asking("databases and brokers", logs=True),
    "dependencies": Asking("dependencies that are down", logs=True),
    "disks": Asking("waiting for disks", logs=True),
    "disruption": Asking(_AUTOSCALING, (kinds.HORIZONTAL_POD_AUTOSCALER, kinds.POD_DISRUPTION_BUDGET)),
    "exhaustion": Asking("memory", logs=True),
    "external": Asking("APIs outside of the cluster", logs=True),
    "faults": Asking("injected faults", logs=True),
    "gateways": Asking("gateways and ingress", (kinds.CONFIG_MAP, kinds.SERVICE)),
    "gone": Asking("existence of the target"),
    "images": Asking("image pulls"),
    "jobs": Asking("Jobs and CronJobs", (kinds.JOB,)),
    "lagging": Asking("replication lag and backlogs", measures=(Measure.BACKLOG, Measure.REPLICATION_LAG)),
    "memory": Asking("memory", measures=(Measure.MEMORY,)),
    "namespaces": Asking("namespace deletion", (kinds.NAMESPACE,)),
    "network": Asking("network latency and loss", measures=(Measure.LATENCY, Measure.LOSS, Measure.RETRANSMISSIONS)),
    "nodes": Asking("nodes and their components", (kinds.NODE,)),
    "permissions": Asking("file and API permissions", logs=True),
    "policies": Asking("NetworkPolicies", (kinds.NETWORK_POLICY, kinds.SERVICE), logs=True),
    "ports": Asking("port conflicts in a pod", logs=True),
    "probes": Asking("probes"),
    "proxying": Asking("kube-proxy", (kinds.NODE, kinds.SERVICE), logs=True),
    "quota": Asking("quotas", (kinds.RESOURCE_QUOTA,)),
    "references": Asking(_ADDRESSES, (kinds.SERVICE,)),
    "resolution": Asking("DNS", logs=True),
    "routes": Asking("gateways and ingress", (kinds.INGRESS, kinds.SERVICE)),
    "saturation": Asking("CPU", measures=(Measure.CPU,)),
    "scaled": Asking("scaling to zero", (kinds.DEPLOYMENT,)),
    "scheduling": Asking("scheduling", (kinds.NODE,)),
    "services": Asking("Service selectors and ports", (kinds.SERVICE,)),
    "setups": Asking(_SETUP),
    "slow": Asking("slow dependencies", logs=True),
    "startup": Asking(_SETUP),
    "unreached": Asking(_ADDRESSES, (kinds.SERVICE,), logs=True),
    "unscheduled": Asking("scheduling"),
    "vertical": Asking(_AUTOSCALING, (kinds.VERTICAL_POD_AUTOSCALER,)),
    "volumes": Asking("full volumes", (kinds.PERSISTENT_VOLUME_CLAIM,), queries=("volume_used", "volume_inodes_ratio")),
}
"""By the name of the analyser's file."""
