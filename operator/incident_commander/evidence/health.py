"""Is a workload well? From its own status and its pods; None wherever that was not observed.

For verification and guards. The rules for finished rollouts are those of ``kubectl rollout status``
(kubectl ``pkg/polymorphichelpers/rollout_status.go``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from incident_commander.api import kinds
from incident_commander.api.meta import TargetRef
from incident_commander.evidence import fields, pods
from incident_commander.evidence.owners import Objects, find, owns, pods_of
from incident_commander.evidence.pods import Trouble
from incident_commander.evidence.revisions import in_newest, revisions
from incident_commander.ports import Object


@dataclass(frozen=True, slots=True)
class WorkloadHealth:
    """``healthy`` None: cannot be told (not observed, or a Job that still runs without a failure).

    ``exists`` None: the kind was not asked for or not readable. ``failed``: waiting longer cannot help.
    ``restarts`` is the number of containers that ended since the time asked about; None when no time was
    given or pods were not observed. Counts are None for kinds that have none.
    """

    target: TargetRef
    exists: bool | None
    healthy: bool | None
    reason: str
    message: str
    failed: bool = False
    desired: int | None = None
    ready: int | None = None
    updated: int | None = None
    available: int | None = None
    generation_observed: bool | None = None
    rollout_complete: bool | None = None
    restarts: int | None = None
    troubles: tuple[Trouble, ...] = ()


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


def _rollout(
    health: WorkloadHealth, obj: Object, objects: Objects, since: datetime | None, complete_message: str
) -> WorkloadHealth:
    """Adds the pods' side to what the workload's status says."""
    generation, observed = fields.integer(obj, "metadata", "generation"), _count(obj, "observedGeneration")
    seen = observed >= generation if generation is not None else None
    health = replace(health, generation_observed=seen)
    if seen is False:
        message = f"the controller has seen generation {observed} of {generation}"
        return replace(health, healthy=None, rollout_complete=False, reason="GenerationNotObserved", message=message)
    if kinds.POD.resource not in objects:
        message = f"{complete_message}; its pods could not be read"
        healthy = None if health.rollout_complete else health.healthy
        return replace(health, healthy=healthy, reason="PodsNotObserved", message=message)
    current = _current_pods(obj, objects, health.rollout_complete is True)
    troubles = tuple(t for pod, newest in current for t in pods.troubles(pod, newest))
    restarts = sum(pods.restarted_since(pod, since) for pod, _ in current) if since is not None else None
    health = replace(health, troubles=troubles, restarts=restarts)
    if health.failed:
        return health
    if sick := _describe(troubles):
        return replace(health, healthy=False, reason="ContainersNotWell", message=sick)
    if not health.rollout_complete:
        return replace(health, healthy=False, reason=health.reason or "RolloutIncomplete")
    if restarts:
        message = f"{restarts} containers ended since {since:%H:%M:%S}Z"
        return replace(health, healthy=False, reason="ContainersRestarted", message=message)
    return replace(health, healthy=True, reason="Healthy", message=complete_message)


def _current_pods(obj: Object, objects: Objects, rolled_out: bool) -> list[tuple[Object, bool | None]]:
    found = []
    known = revisions(obj, objects)
    for pod in pods_of(obj, objects):
        newest = in_newest(pod, obj, known)
        if pods.terminating(pod) or pods.finished(pod) or (rolled_out and newest is False):
            continue
        found.append((pod, newest))
    return found


def _describe(troubles: tuple[Trouble, ...]) -> str:
    shown = [f"{t.pod}/{t.container}: {t.reason}" + (f" ({t.message[:120]})" if t.message else "") for t in troubles]
    return "; ".join(shown[:3]) + (f"; and {len(shown) - 3} more" if len(shown) > 3 else "")


def _deployment(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    desired = _replicas(obj)
    total, updated = _count(obj, "replicas"), _count(obj, "updatedReplicas")
    ready, available = _count(obj, "readyReplicas"), _count(obj, "availableReplicas")
    complete = updated >= desired and total <= updated and available >= updated
    progressing = fields.condition(obj, "Progressing")
    failed = progressing.get("status") == "False" and progressing.get("reason") == "ProgressDeadlineExceeded"
    health = WorkloadHealth(
        target,
        exists=True,
        healthy=False,
        reason="ProgressDeadlineExceeded" if failed else "",
        message=f"{available} of {desired} replicas available, {updated} updated, {total - updated} old",
        failed=failed,
        desired=desired,
        ready=ready,
        updated=updated,
        available=available,
        rollout_complete=complete and not failed,
    )
    return _rollout(health, obj, objects, since, f"{available} of {desired} replicas available, rollout complete")


def _replica_set(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    desired, total = _replicas(obj), _count(obj, "replicas")
    ready, available = _count(obj, "readyReplicas"), _count(obj, "availableReplicas")
    message = f"{available} of {desired} replicas available"
    health = WorkloadHealth(
        target,
        exists=True,
        healthy=False,
        reason="",
        message=message,
        desired=desired,
        ready=ready,
        updated=total,
        available=available,
        rollout_complete=total == desired and available >= desired,
    )
    return _rollout(health, obj, objects, since, message)


def _stateful_set(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    desired = _replicas(obj)
    ready, updated = _count(obj, "readyReplicas"), _count(obj, "updatedReplicas")
    available = fields.integer(obj, "status", "availableReplicas")
    available = ready if available is None else available
    rolling = fields.text(obj, "spec", "updateStrategy", "type") != "OnDelete"
    partition = fields.integer(obj, "spec", "updateStrategy", "rollingUpdate", "partition") or 0
    to_update = max(0, desired - partition) if rolling else 0
    health = WorkloadHealth(
        target,
        exists=True,
        healthy=False,
        reason="",
        message=f"{available} of {desired} replicas available, {updated} of {to_update} updated",
        desired=desired,
        ready=ready,
        updated=updated,
        available=available,
        rollout_complete=ready >= desired and available >= desired and updated >= to_update,
    )
    return _rollout(health, obj, objects, since, f"{available} of {desired} replicas available, rollout complete")


def _daemon_set(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    desired = _count(obj, "desiredNumberScheduled")
    ready, available = _count(obj, "numberReady"), _count(obj, "numberAvailable")
    updated = _count(obj, "updatedNumberScheduled")
    rolling = fields.text(obj, "spec", "updateStrategy", "type") != "OnDelete"
    health = WorkloadHealth(
        target,
        exists=True,
        healthy=False,
        reason="",
        message=f"{available} of {desired} pods available, {updated} updated",
        desired=desired,
        ready=ready,
        updated=updated,
        available=available,
        rollout_complete=available >= desired and (updated >= desired or not rolling),
    )
    return _rollout(health, obj, objects, since, f"{available} of {desired} pods available, rollout complete")


def _pod(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    phase, is_ready = pods.phase(obj), pods.ready(obj)
    troubles = tuple(pods.troubles(obj))
    restarts = pods.restarted_since(obj, since) if since is not None else None
    health = WorkloadHealth(
        target,
        exists=True,
        healthy=False,
        reason=phase or "NoStatus",
        message=_describe(troubles) or f"phase {phase or 'not reported'}",
        failed=phase == "Failed",
        desired=1,
        ready=int(is_ready),
        troubles=troubles,
        restarts=restarts,
    )
    if pods.terminating(obj):
        return replace(health, healthy=None, reason="Terminating", message="the pod is being deleted")
    if phase in ("", "Unknown"):
        return replace(health, healthy=None)
    if phase == "Succeeded":
        return replace(health, healthy=True, reason="Completed", message="all containers ended with exit code 0")
    if restarts:
        return replace(health, reason="ContainersRestarted", message=f"ended since {since:%H:%M:%S}Z: {restarts}")
    if is_ready and not troubles:
        return replace(health, healthy=True, reason="Ready", message="running and ready")
    return health


def _job(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    wanted = fields.integer(obj, "spec", "completions") or 1
    health = WorkloadHealth(
        target,
        exists=True,
        healthy=None,
        reason="Running",
        message=f"{_count(obj, 'succeeded')} of {wanted} completions, {_count(obj, 'failed')} failed pods",
        desired=wanted,
        ready=fields.integer(obj, "status", "ready"),
    )
    failed = fields.condition(obj, "Failed")
    if failed.get("status") == "True":
        message = fields.text(failed, "message") or "the Job has failed"
        return replace(
            health, healthy=False, failed=True, reason=fields.text(failed, "reason") or "Failed", message=message
        )
    if fields.condition(obj, "Complete").get("status") == "True":
        return replace(health, healthy=True, reason="Completed")
    if fields.flag(obj, "spec", "suspend"):
        return replace(health, reason="Suspended", message="the Job is suspended")
    if kinds.POD.resource not in objects:
        return replace(health, reason="PodsNotObserved")
    living = [p for p in pods_of(obj, objects) if not pods.terminating(p) and not pods.finished(p)]
    troubles = tuple(t for p in living for t in pods.troubles(p) if t.reason != "NotReady")
    if troubles or _count(obj, "failed"):
        message = _describe(troubles) or health.message
        return replace(health, healthy=False, reason="PodsFail", message=message, troubles=troubles)
    return health


def _cron_job(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    health = WorkloadHealth(target, exists=True, healthy=None, reason="NoFinishedJob", message="no Job has finished")
    active = len(fields.items(obj, "status", "active"))
    if fields.flag(obj, "spec", "suspend"):
        healthy = True if active == 0 else None
        return replace(health, healthy=healthy, reason="Suspended", message=f"suspended, {active} Jobs still active")
    if kinds.JOB.resource not in objects:
        return replace(health, reason="NotObserved", message="its Jobs could not be read")
    jobs = [j for j in objects[kinds.JOB.resource] if owns(obj, j)]
    ended = [(at, j) for j in jobs if (at := finished_at(j)) is not None]
    if not ended:
        return health
    at, last = max(ended, key=lambda pair: pair[0])
    failed = fields.condition(last, "Failed").get("status") == "True"
    message = f"its last Job {fields.name(last)} {'failed' if failed else 'completed'} at {at:%Y-%m-%dT%H:%M:%S}Z"
    return replace(
        health, healthy=not failed, reason="LastJobFailed" if failed else "LastJobCompleted", message=message
    )


def finished_at(job: Object) -> datetime | None:
    """When a Job completed or failed, or None while it has not."""
    for type_ in ("Complete", "Failed"):
        found = fields.condition(job, type_)
        if found.get("status") == "True":
            return fields.moment(found, "lastTransitionTime")
    return None


PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
"""Node conditions that are bad when True."""


def _node(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    status = fields.text(fields.condition(obj, "Ready"), "status")
    health = WorkloadHealth(target, exists=True, healthy=None, reason="NoStatus", message="no condition Ready reported")
    if not status:
        return health
    if status != "True":
        found = fields.condition(obj, "Ready")
        message = fields.text(found, "message") or f"Ready is {status}"
        return replace(health, healthy=False, reason=fields.text(found, "reason") or "NotReady", message=message)
    for pressure in PRESSURES:
        found = fields.condition(obj, pressure)
        if found.get("status") == "True":
            message = fields.text(found, "message") or f"{pressure} is True"
            return replace(health, healthy=False, reason=pressure, message=message)
    cordoned = ", cordoned" if fields.flag(obj, "spec", "unschedulable") else ""
    return replace(health, healthy=True, reason="Ready", message=f"ready{cordoned}")


def _claim(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    phase = fields.text(obj, "status", "phase")
    healthy = {"Bound": True, "Pending": False, "Lost": False}.get(phase)
    message = f"phase {phase or 'not reported'}"
    return WorkloadHealth(target, True, healthy, phase or "NoStatus", message, failed=phase == "Lost")


def _hpa(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    current, desired = (
        fields.integer(obj, "status", "currentReplicas"),
        fields.integer(obj, "status", "desiredReplicas"),
    )
    health = WorkloadHealth(
        target, exists=True, healthy=None, reason="NoStatus", message="no conditions reported", desired=desired
    )
    if not fields.items(obj, "status", "conditions"):
        return health
    for type_ in ("AbleToScale", "ScalingActive"):
        found = fields.condition(obj, type_)
        if found.get("status") == "False" and found.get("reason") != "ScalingDisabled":
            message = fields.text(found, "message")
            return replace(health, healthy=False, reason=fields.text(found, "reason") or type_, message=message)
    limited = fields.condition(obj, "ScalingLimited")
    if limited.get("status") == "True" and limited.get("reason") == "TooManyReplicas":
        message = fields.text(limited, "message") or "more replicas are wanted than maxReplicas allows"
        return replace(health, healthy=False, reason="TooManyReplicas", message=message)
    return replace(health, healthy=True, reason="Scaling", message=f"{current} replicas, {desired} wanted")


def _service(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    health = WorkloadHealth(target, exists=True, healthy=None, reason="NotObserved", message="")
    if fields.text(obj, "spec", "type") == "ExternalName":
        return replace(health, reason="ExternalName", message="points outside of the cluster")
    if kinds.ENDPOINT_SLICE.resource not in objects:
        return replace(health, message="endpointslices could not be read")
    count = ready_endpoints(obj, objects)
    reason = "EndpointsReady" if count else "NoReadyEndpoints"
    return replace(health, healthy=count > 0, reason=reason, message=f"{count} ready endpoints", ready=count)


def ready_endpoints(service: Object, objects: Objects) -> int:
    """Ready addresses of a Service over all of its EndpointSlices (``ready`` unset counts as ready)."""
    count = 0
    for part in objects.get(kinds.ENDPOINT_SLICE.resource, ()):
        labels = fields.strings(part, "metadata", "labels")
        if labels.get("kubernetes.io/service-name") != fields.name(service):
            continue
        if fields.namespace(part) == fields.namespace(service):
            endpoints = fields.items(part, "endpoints")
            count += sum(fields.flag(e, "conditions", "ready") is not False for e in endpoints)
    return count


def _count(obj: Object, field: str) -> int:
    """A counter of the status; the API server leaves zeros out."""
    return fields.integer(obj, "status", field) or 0


def _replicas(obj: Object) -> int:
    found = fields.integer(obj, "spec", "replicas")
    return 1 if found is None else found


_JUDGES: dict[str, Callable[[TargetRef, Object, Objects, datetime | None], WorkloadHealth]] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Pod": _pod,
    "Job": _job,
    "CronJob": _cron_job,
    "Node": _node,
    "PersistentVolumeClaim": _claim,
    "HorizontalPodAutoscaler": _hpa,
    "Service": _service,
}
