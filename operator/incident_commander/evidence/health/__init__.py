"""Is a workload well? From its own status and its pods; None wherever that was not observed.

For verification and guards.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from incident_commander.api import kinds
from incident_commander.api.meta import TargetRef
from incident_commander.evidence import fields
from incident_commander.evidence.health import batch, infrastructure, rollouts
from incident_commander.evidence.health.batch import finished_at
from incident_commander.evidence.health.infrastructure import PRESSURES, ready_endpoints
from incident_commander.evidence.health.state import WorkloadHealth
from incident_commander.evidence.owners import Objects, find
from incident_commander.ports import Object

__all__ = ["PRESSURES", "WorkloadHealth", "finished_at", "ready_endpoints", "workload_health"]


def workload_health(target: TargetRef, objects: Objects, *, since: datetime | None = None) -> WorkloadHealth:
    """The health of one object among ``objects`` (by ``Kind.resource``).

    With ``since``, a container of a current pod that ended at or after it makes the workload unhealthy: a
    container that crashes every minute is ready in between. Pods that are being deleted, were evicted, or
    are of an older revision than a finished rollout, do not count.
    """
    kind = kinds.kind_of(target.api_version, target.kind)
    judge = _JUDGES.get(target.kind)
    if kind is None or judge is None:
        return WorkloadHealth(target, None, None, "KindNotJudged", f"the health of a {target.kind} is not known")
    if kind.resource not in objects:
        return WorkloadHealth(target, None, None, "NotObserved", f"{kind.plural} could not be read")
    obj = find(objects, kind, target.namespace, target.name)
    if obj is None:
        return WorkloadHealth(target, False, False, "NotFound", f"{target} does not exist")
    uid = fields.text(obj, "metadata", "uid")
    if target.uid and uid and uid != target.uid:
        message = f"{target} was replaced: UID {uid}, expected {target.uid}"
        return WorkloadHealth(target, False, False, "Replaced", message)
    return judge(target, obj, objects, since)


_JUDGES: dict[str, Callable[[TargetRef, Object, Objects, datetime | None], WorkloadHealth]] = {
    "Deployment": rollouts.deployment,
    "ReplicaSet": rollouts.replica_set,
    "StatefulSet": rollouts.stateful_set,
    "DaemonSet": rollouts.daemon_set,
    "Pod": batch.pod,
    "Job": batch.job,
    "CronJob": batch.cron_job,
    "Node": infrastructure.node,
    "PersistentVolumeClaim": infrastructure.claim,
    "HorizontalPodAutoscaler": infrastructure.hpa,
    "Service": infrastructure.service,
}
