"""The facts of a hypothesis, which runbooks refer to as ``${facts.NAME}``. One table for all causes.

All values are text of at most 256 characters. A fact that could not be observed is absent, and a runbook
step that needs it is not a candidate.

Every hypothesis about a workload or one of its pods may carry:

===================== ==================================================================================
controller            ``Kind/name`` of the top controller; absent for a bare Pod
container             the container in question
pod                   one pod that shows the symptom
currentRevision       Deployment: ``deployment.kubernetes.io/revision``; StatefulSet and DaemonSet: revision
                      of the newest ControllerRevision
previousRevision      the revision before it that still exists
previousHealthy       ``true`` | ``false`` | ``unknown``: whether pods of the previous revision ran, or run, well
recentRollout         ``true`` | ``false``: the newest revision is younger than an hour, or became so before
                      the symptom began by less than that
rolloutAgeSeconds     age of the newest revision
otherReplicasHealthy  ``true`` | ``false``: at least one other pod of the workload is ready
readyReplicas         pods that are ready
desiredReplicas       pods that are wanted
===================== ==================================================================================

What each cause adds stands in ``TABLE``. Words with a fixed meaning:

- ``problem`` of ProbeMisconfigured: Port, Timing, Protocol (HTTP to gRPC, HTTP to HTTPS), Path; of
  ImageRegistryUnreachable: DNS, TLS, RateLimit, Network; of DependencyAddressWrong: Host, Port, Service
  (another one than the variable is named after); of TLSCertificateInvalid: Expired, Name, Authority,
  Missing (its Secret).
- ``constraint`` of UnschedulableAffinity: nodeSelector, nodeAffinity, podAffinity, podAntiAffinity,
  topologySpreadConstraints, hostPort.
- ``reason`` of VolumeClaimPending: SelectorMismatch, StorageClassMismatch, AccessModeMismatch, CapacityMismatch,
  VolumeModeMismatch, VolumeOccupied, StorageClassMissing, VolumeMissing, or the event's own reason.
- ``resource`` of QuotaExceeded: as in the quota (``limits.cpu``, ``pods``, ``count/services``, ...).
- ``client`` of TrafficSurge is the workload that floods, ``clientLabel`` a label that all of its pods have and no
  others have; only where the access log leaves no doubt who it is.
- ``reason`` of DependencySlow and DependencyDown, where the dependency is outside of the cluster or a circuit breaker
  speaks: TimedOut, RateLimited, CircuitBreakerOpen, ServerErrors, NotReached, NameNotResolved;
  of a database: SlowQueries.
- ``resource`` of ResourceLimitReached: openFiles, fileWatches, threads, ephemeralStorage, emptyDir.
- ``reason`` of RolloutStuck: PodOfOldRevision (of a StatefulSet, which waits for it until it is deleted), Paused,
  ProgressDeadlineExceeded.
- Quantities are Kubernetes quantities. ``suggestedMemoryLimit`` is twice the limit and at least 1.5 times the
  observed peak, rounded up to a whole MiB. ``suggestedCPULimit`` is 1.5 times the limit, twice when more than
  half of the periods were throttled, three times beyond 80 %. ``suggestedReplicas`` is as many times the replicas;
  only of a Deployment without autoscaler, all of whose replicas are ready and throttled. ``suggestedMaxReplicas``
  is 1.5 times the maximum, at least two more. ``changed`` lists what the newest revision changed in that container, of:
  image, command, args, env, config, resources, probes, ports, volumes, placement, other.

``python -m incident_agents.diagnosis.facts`` writes the table into docs/policies.md (``make generate``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from incident_commander.api.causes import Cause

COMMON: frozenset[str] = frozenset(
    {
        "controller",
        "container",
        "pod",
        "currentRevision",
        "previousRevision",
        "previousHealthy",
        "recentRollout",
        "rolloutAgeSeconds",
        "otherReplicasHealthy",
        "readyReplicas",
        "desiredReplicas",
    }
)
"""What any hypothesis about a workload may carry."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a hypothesis of one cause is about (what is to be acted on), and the facts that it may carry."""

    object: str
    facts: tuple[str, ...]


def _row(object_: str, facts: str = "") -> Row:
    return Row(object_, tuple(facts.split()))


TABLE: Mapping[Cause, Row] = {
    Cause.QUOTA_EXCEEDED: _row("the ResourceQuota, or the top controller", "quota resource requested used hard"),
    Cause.SERVICE_ACCOUNT_MISSING: _row("top controller", "serviceAccount"),
    Cause.POD_SECURITY_REFUSED: _row("top controller", "policy violation"),
    Cause.ADMISSION_REFUSED: _row("top controller", "webhook reason"),
    Cause.NAMESPACE_TERMINATING: _row("the Namespace", "reason"),
    Cause.UNSCHEDULABLE_RESOURCES: _row("top controller or Pod", "resource requested"),
    Cause.UNSCHEDULABLE_TAINT: _row("top controller or Pod", "taint"),
    Cause.UNSCHEDULABLE_AFFINITY: _row("top controller or Pod", "constraint"),
    Cause.UNSCHEDULABLE_VOLUME: _row("top controller or Pod", "claim"),
    Cause.VOLUME_CLAIM_PENDING: _row("the claim", "claim storageClass reason volume dependent"),
    Cause.NODE_CORDONED: _row("the Node", "node dependent"),
    Cause.IMAGE_NOT_FOUND: _row("top controller or Pod", "image previousImage"),
    Cause.IMAGE_PULL_UNAUTHORIZED: _row("top controller or Pod", "image previousImage"),
    Cause.IMAGE_REGISTRY_UNREACHABLE: _row("top controller or Pod", "image previousImage problem"),
    Cause.CONFIG_MISSING: _row("top controller or Pod", "configMap secret key"),
    Cause.VOLUME_MOUNT_FAILED: _row("top controller or Pod", "volume claim reason"),
    Cause.POD_SANDBOX_FAILED: _row("top controller or Pod", "node reason"),
    Cause.BAD_COMMAND: _row("top controller or Pod", "exitCode changed"),
    Cause.CRASH_AFTER_ROLLOUT: _row("top controller", "exitCode changed"),
    Cause.CRASH_LOOP: _row("top controller or Pod", "exitCode"),
    Cause.ROLLOUT_STUCK: _row("top controller", "reason"),
    Cause.MEMORY_LIMIT_TOO_LOW: _row("top controller or Pod", "memoryLimit suggestedMemoryLimit peakMemory"),
    Cause.MEMORY_LEAK: _row("top controller or Pod", "memoryLimit suggestedMemoryLimit peakMemory growthPerHour"),
    Cause.PROBE_MISCONFIGURED: _row("top controller or Pod", "probe port problem"),
    Cause.APP_NOT_ANSWERING: _row("top controller or Pod", "probe port"),
    Cause.PORT_CONFLICT: _row("top controller or Pod", "port otherContainer"),
    Cause.VOLUME_PERMISSION_DENIED: _row("top controller or Pod", "path claim"),
    Cause.VOLUME_FULL: _row("the claim", "claim usedPercent capacity storageClass expandable"),
    Cause.RESOURCE_LIMIT_REACHED: _row("top controller or Pod", "resource limit"),
    Cause.RBAC_FORBIDDEN: _row("top controller or Pod", "serviceAccount verb resource"),
    Cause.SCALED_TO_ZERO: _row("top controller"),
    Cause.TARGET_GONE: _row("the target", "found"),
    Cause.SERVICE_SELECTS_NOTHING: _row("the Service", "service selector"),
    Cause.SERVICE_WRONG_PORT: _row("the Service", "service port targetPort containerPorts"),
    Cause.SERVICE_PROTOCOL_MISMATCH: _row("the Service", "service port protocol"),
    Cause.DEPENDENCY_ADDRESS_WRONG: _row(
        "the caller's top controller or Pod", "variable address expected problem protocol"
    ),
    Cause.GATEWAY_MISROUTED: _row("the Ingress, the Route, or the gateway's top controller", "route backend expected"),
    Cause.DNS_RESOLUTION_FAILURE: _row(
        "the caller's top controller or Pod, or that of the cluster's DNS, else its Service", "host reason"
    ),
    Cause.NETWORK_POLICY_BLOCKS: _row("the NetworkPolicy", "networkPolicy direction dependency dependent"),
    Cause.TLS_CERTIFICATE_INVALID: _row("top controller or Pod, or the Ingress", "host problem"),
    Cause.DEPENDENCY_DOWN: _row(
        "the dependency: its workload, else its Service; else none", "dependency dependent reason"
    ),
    Cause.FAULT_INJECTED: _row("the rule, or the top controller", "rule fault"),
    Cause.DATABASE_CONNECTIONS_EXHAUSTED: _row("the database's workload, else the caller's", "dependency dependent"),
    Cause.DATABASE_CREDENTIALS_INVALID: _row("the caller's top controller or Pod", "dependency user"),
    Cause.DATABASE_READ_ONLY: _row("the database's workload, else the caller's", "dependency dependent"),
    Cause.DATABASE_LOCK_CONTENTION: _row("the database's workload, else the caller's", "dependency dependent"),
    Cause.REPLICATION_LAG: _row("the database's workload, else the caller's", "dependency dependent"),
    Cause.CACHE_MEMORY_EXHAUSTED: _row("the cache's workload, else the caller's", "dependency dependent"),
    Cause.MESSAGE_QUEUE_BACKLOG: _row("the broker's workload, else the consumer's", "dependency dependent"),
    Cause.CPU_THROTTLED: _row(
        "top controller or Pod", "cpuLimit suggestedCPULimit throttledRatio replicas suggestedReplicas"
    ),
    Cause.CPU_SATURATED: _row("top controller or Pod, or the Node", "node usage baseline"),
    Cause.DISK_SATURATED: _row("top controller or Pod, or the Node", "node usage baseline"),
    Cause.NETWORK_LATENCY: _row("top controller or Pod, or the Node", "node latency baseline"),
    Cause.PACKET_LOSS: _row("top controller or Pod, or the Node", "node loss baseline"),
    Cause.TRAFFIC_SURGE: _row("top controller or Pod", "rate baseline client clientNamespace clientLabel"),
    Cause.DEPENDENCY_SLOW: _row(
        "the dependency: its workload, else its Service; else none", "dependency dependent latency baseline reason"
    ),
    Cause.HPA_AT_MAXIMUM: _row("the HPA", "hpa currentReplicas maxReplicas suggestedMaxReplicas"),
    Cause.HPA_CANNOT_SCALE: _row("the HPA, or the VerticalPodAutoscaler", "hpa vpa reason"),
    Cause.JOB_FAILED: _row("the Job", "job failure exitCode"),
    Cause.CRON_JOB_FAILING: _row("the CronJob", "cronJob job failures failure"),
    Cause.DISRUPTION_BLOCKED: _row("the PodDisruptionBudget", "podDisruptionBudget"),
    Cause.NODE_NOT_READY: _row("the Node", "node reason"),
    Cause.NODE_PRESSURE: _row("the Node", "node condition reason"),
    Cause.KUBELET_DOWN: _row("the Node", "node reason"),
    Cause.CONTAINER_RUNTIME_DOWN: _row("the Node", "node reason"),
    Cause.KUBE_PROXY_DOWN: _row("the Node", "node reason"),
    Cause.NETWORK_PLUGIN_DOWN: _row("the Node", "node reason"),
    Cause.NODE_CLOCK_SKEWED: _row("the Node", "node reason"),
    Cause.SCHEDULER_DOWN: _row("the Node of the control plane", "node reason"),
    Cause.CONTROL_PLANE_DOWN: _row("the Node of the control plane", "node component reason"),
    Cause.UNKNOWN: _row("the target"),
}
"""One row for each cause, in the order of ``Cause``."""

OF_CAUSE: Mapping[Cause, frozenset[str]] = {cause: frozenset(row.facts) for cause, row in TABLE.items()}
"""What each cause adds."""

KNOWN: Mapping[Cause, frozenset[str]] = {cause: facts | COMMON for cause, facts in OF_CAUSE.items()}
"""All that a hypothesis of each cause may carry."""


def table() -> str:
    """The table in Markdown."""
    lines = ["| cause | object | facts |", "|---|---|---|"]
    for cause, row in TABLE.items():
        lines.append(f"| {cause} | {row.object} | {' '.join(f'`{f}`' for f in row.facts) or 'none'} |")
    return "\n".join(lines)


def within(text: str) -> str:
    """A document with its table of facts made again."""
    return re.sub(r"\| cause \| object \| facts \|\n(?:\|[^\n]*\n)*", lambda _: table() + "\n", text)


if __name__ == "__main__":
    document = Path(__file__).parents[3] / "docs" / "policies.md"
    document.write_text(within(document.read_text(encoding="utf-8")), encoding="utf-8")
