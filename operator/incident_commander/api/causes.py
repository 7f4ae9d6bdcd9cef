"""The causes that a diagnosis can name. Runbooks match on these."""

from __future__ import annotations

import enum


class Cause(enum.StrEnum):
    """Category of a hypothesis. The diagnosis' table of facts says on which object, and with which facts."""

    # Admission: the API server refuses an object before it is stored.
    QUOTA_EXCEEDED = "QuotaExceeded"
    SERVICE_ACCOUNT_MISSING = "ServiceAccountMissing"
    POD_SECURITY_REFUSED = "PodSecurityRefused"
    """Pod Security admission (or a policy engine) forbids what the pod template asks for."""
    ADMISSION_REFUSED = "AdmissionRefused"
    """A webhook, a policy or a LimitRange refuses the object, or the webhook does not answer."""
    NAMESPACE_TERMINATING = "NamespaceTerminating"

    # Scheduling: the pod is stored, no node is found.
    UNSCHEDULABLE_RESOURCES = "UnschedulableResources"
    UNSCHEDULABLE_TAINT = "UnschedulableTaint"
    UNSCHEDULABLE_AFFINITY = "UnschedulableAffinity"
    """Node selector, node affinity, pod (anti-)affinity or spread constraints leave no node."""
    UNSCHEDULABLE_VOLUME = "UnschedulableVolume"
    VOLUME_CLAIM_PENDING = "VolumeClaimPending"
    NODE_CORDONED = "NodeCordoned"

    # Start-up: the pod has a node, its containers do not start.
    IMAGE_NOT_FOUND = "ImageNotFound"
    IMAGE_PULL_UNAUTHORIZED = "ImagePullUnauthorized"
    IMAGE_REGISTRY_UNREACHABLE = "ImageRegistryUnreachable"
    CONFIG_MISSING = "ConfigMissing"
    """A ConfigMap, a Secret or a key of one that the pod refers to does not exist."""
    VOLUME_MOUNT_FAILED = "VolumeMountFailed"
    """A volume cannot be attached or mounted."""
    POD_SANDBOX_FAILED = "PodSandboxFailed"
    """The network or the sandbox of the pod cannot be set up (CNI, runtime class, IP addresses used up)."""
    BAD_COMMAND = "BadCommand"
    """The container's command cannot be started (exit 126 or 127, or the runtime refuses it)."""

    # Running: containers exit or misbehave.
    CRASH_AFTER_ROLLOUT = "CrashAfterRollout"
    """The containers of the newest revision exit, or answer requests with errors; those before did not."""
    CRASH_LOOP = "CrashLoop"
    """Containers keep exiting and no rollout explains it."""
    ROLLOUT_STUCK = "RolloutStuck"
    """A rollout cannot go on by itself: it waits for a pod of another revision, or is paused, or was given up."""
    MEMORY_LIMIT_TOO_LOW = "MemoryLimitTooLow"
    MEMORY_LEAK = "MemoryLeak"
    PROBE_MISCONFIGURED = "ProbeMisconfigured"
    """The probe asks the wrong thing, or too impatiently; the application itself works."""
    APP_NOT_ANSWERING = "AppNotAnswering"
    """The probe is right; the application does not answer."""
    PORT_CONFLICT = "PortConflict"
    """Two containers of a pod, or two pods on a host network, want the same port."""
    VOLUME_PERMISSION_DENIED = "VolumePermissionDenied"
    """The process may not read or write a volume that is mounted."""
    VOLUME_FULL = "VolumeFull"
    RESOURCE_LIMIT_REACHED = "ResourceLimitReached"
    """Another limit than those of CPU and memory: open files, threads, processes, local storage."""
    RBAC_FORBIDDEN = "RBACForbidden"
    """The workload asks the API server for what its ServiceAccount may not do."""
    SCALED_TO_ZERO = "ScaledToZero"
    TARGET_GONE = "TargetGone"

    # Routing: pods run, requests do not reach them.
    SERVICE_SELECTS_NOTHING = "ServiceSelectsNothing"
    SERVICE_WRONG_PORT = "ServiceWrongPort"
    SERVICE_PROTOCOL_MISMATCH = "ServiceProtocolMismatch"
    """The Service's port has another transport protocol than the server behind it."""
    DEPENDENCY_ADDRESS_WRONG = "DependencyAddressWrong"
    """The configuration of the caller holds a wrong host or port of a service or a database."""
    GATEWAY_MISROUTED = "GatewayMisrouted"
    """An Ingress, a Route or the configuration of a gateway sends requests to the wrong backend."""
    DNS_RESOLUTION_FAILURE = "DNSResolutionFailure"
    NETWORK_POLICY_BLOCKS = "NetworkPolicyBlocks"
    TLS_CERTIFICATE_INVALID = "TLSCertificateInvalid"
    """Expired, not yet valid, for another name, or of an authority that is not trusted."""
    DEPENDENCY_DOWN = "DependencyDown"
    FAULT_INJECTED = "FaultInjected"
    """A mesh or a chaos tool delays or aborts requests on purpose."""

    # Databases, caches, queues.
    DATABASE_CONNECTIONS_EXHAUSTED = "DatabaseConnectionsExhausted"
    DATABASE_CREDENTIALS_INVALID = "DatabaseCredentialsInvalid"
    """Also of caches and message brokers: the user or the password is refused."""
    DATABASE_READ_ONLY = "DatabaseReadOnly"
    DATABASE_LOCK_CONTENTION = "DatabaseLockContention"
    REPLICATION_LAG = "ReplicationLag"
    CACHE_MEMORY_EXHAUSTED = "CacheMemoryExhausted"
    MESSAGE_QUEUE_BACKLOG = "MessageQueueBacklog"

    # Performance: everything runs, but is slow.
    CPU_THROTTLED = "CPUThrottled"
    """The kernel throttles a container at its CPU limit."""
    CPU_SATURATED = "CPUSaturated"
    """A workload or a node uses all the CPU that it has."""
    DISK_SATURATED = "DiskSaturated"
    NETWORK_LATENCY = "NetworkLatency"
    """Packets of a workload, or of a whole node, are delayed."""
    PACKET_LOSS = "PacketLoss"
    """Packets of a workload, or of a whole node, get lost."""
    TRAFFIC_SURGE = "TrafficSurge"
    DEPENDENCY_SLOW = "DependencySlow"
    HPA_AT_MAXIMUM = "HPAAtMaximum"
    HPA_CANNOT_SCALE = "HPACannotScale"
    """The autoscaler has no metrics, or may not scale its target."""

    # Batch and disruption.
    JOB_FAILED = "JobFailed"
    CRON_JOB_FAILING = "CronJobFailing"
    DISRUPTION_BLOCKED = "DisruptionBlocked"
    """A PodDisruptionBudget allows no eviction, so a drain or an upgrade waits."""

    # Infrastructure.
    NODE_NOT_READY = "NodeNotReady"
    NODE_PRESSURE = "NodePressure"
    KUBELET_DOWN = "KubeletDown"
    CONTAINER_RUNTIME_DOWN = "ContainerRuntimeDown"
    KUBE_PROXY_DOWN = "KubeProxyDown"
    NETWORK_PLUGIN_DOWN = "NetworkPluginDown"
    NODE_CLOCK_SKEWED = "NodeClockSkewed"
    SCHEDULER_DOWN = "SchedulerDown"
    CONTROL_PLANE_DOWN = "ControlPlaneDown"
    """The API server, etcd or the controller manager."""

    UNKNOWN = "Unknown"
