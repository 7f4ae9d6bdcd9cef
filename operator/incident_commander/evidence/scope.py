"""How much is gathered: everything for a diagnosis, little for a poll."""

from __future__ import annotations

from dataclasses import dataclass

from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef

_OF_NAMESPACE: tuple[Kind, ...] = (
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
    kinds.POD_DISRUPTION_BUDGET,
    kinds.RESOURCE_QUOTA,
    kinds.CONFIG_MAP,
    kinds.ENDPOINTS,
    kinds.INGRESS,
    kinds.HTTP_ROUTE,
    kinds.NETWORK_POLICY,
    kinds.LIMIT_RANGE,
    kinds.SERVICE_ACCOUNT,
    kinds.ROLE,
    kinds.ROLE_BINDING,
    kinds.VERTICAL_POD_AUTOSCALER,
    kinds.LEASE,
)
_OF_CLUSTER: tuple[Kind, ...] = (
    kinds.NODE,
    kinds.NAMESPACE,
    kinds.PERSISTENT_VOLUME,
    kinds.STORAGE_CLASS,
    kinds.VOLUME_ATTACHMENT,
    kinds.PRIORITY_CLASS,
    kinds.INGRESS_CLASS,
    kinds.VALIDATING_WEBHOOK,
    kinds.MUTATING_WEBHOOK,
    kinds.API_SERVICE,
)
_POLLED_WITH: dict[str, tuple[Kind, ...]] = {
    "Deployment": (kinds.REPLICA_SET, kinds.POD),
    "StatefulSet": (kinds.CONTROLLER_REVISION, kinds.POD),
    "DaemonSet": (kinds.CONTROLLER_REVISION, kinds.POD),
    "ReplicaSet": (kinds.POD,),
    "Job": (kinds.POD,),
    "CronJob": (kinds.JOB, kinds.POD),
    "Service": (kinds.ENDPOINT_SLICE,),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which kinds are listed, and whether logs and metrics are read. Secrets are in no scope of a live cluster.

    ``surroundings``: also what the target lives on and with: what runs in kube-system for every namespace
    (``listing``), the requests in its namespace and the load of its nodes (``surroundings``).
    """

    kinds: tuple[Kind, ...]
    logs: bool = True
    metrics: bool = True
    surroundings: bool = False


FULL = Scope(_OF_NAMESPACE + _OF_CLUSTER, surroundings=True)
"""For a diagnosis."""

RECORDED = Scope((*FULL.kinds, kinds.SECRET), surroundings=True)
"""For a recording. Of Secrets, names and keys are kept."""


def polling(target: TargetRef) -> Scope:
    """For looking again: the target, and what tells its health. No logs, no metrics."""
    own = kinds.kind_of(target.api_version, target.kind)
    found = dict.fromkeys(((own,) if own is not None else ()) + _POLLED_WITH.get(target.kind, ()))
    return Scope(tuple(found), logs=False, metrics=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one gathering."""

    seconds: float = 10.0
    """For everything; what has not answered by then is a gap."""
    concurrency: int = 8
    calls: int = 150
    objects_per_kind: int = 2000
    bytes: int = 32 * 1024 * 1024
    sick_pods: int = 6
    """Pods of the target whose logs are read."""
    other_pods: int = 6
    """Sick pods beside the target whose logs are read."""
    well_pods: int = 12
    """Healthy pods, of different controllers, whose logs are read when there is no target."""
    log_lines: int = 200
    """Of the end of one log."""
    log_bytes: int = 65_536
    """Of the end of one log."""
    log_file_bytes: int = 128 * 1024 * 1024
    """Of a recorded log that are read; of a larger one, samples are."""
    log_files_bytes: int = 256 * 1024 * 1024
    """The same, of all recorded logs together."""
    logs_kept_bytes: int = 48 * 1024 * 1024
    """Memory for what is kept of all recorded logs together."""
    history_seconds: int = 3600
    step_seconds: int = 15
    series: int = 1000
    """Of one query."""
    gaps: int = 40


DEFAULT_LIMITS = Limits()
"""Bounds of a diagnosis."""

ASKED_LIMITS = Limits(seconds=30.0, log_lines=2000, log_bytes=512 * 1024)
"""Bounds of a diagnosis that a person asked for, once: more of each log than agents read of every Incident."""

CAPTURE_LIMITS = Limits(
    seconds=60.0,
    calls=400,
    objects_per_kind=5000,
    bytes=64 * 1024 * 1024,
    other_pods=60,
    well_pods=60,
    log_lines=5000,
    log_bytes=1024 * 1024,
)
"""Bounds of taking a recording: somebody waits for it."""

RECORDED_LIMITS = Limits(
    seconds=60.0, calls=5000, bytes=128 * 1024 * 1024, objects_per_kind=10_000, log_lines=5000, log_bytes=1024 * 1024
)
"""Bounds of reading a recording: no API server suffers from it."""
