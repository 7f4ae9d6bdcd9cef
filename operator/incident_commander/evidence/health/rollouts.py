"""Workloads that are rolled out: by their status, then by their pods.

Finished is what ``kubectl rollout status`` calls so (kubectl ``pkg/polymorphichelpers/rollout_status.go``).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from incident_commander.api import kinds
from incident_commander.api.meta import TargetRef
from incident_commander.evidence import fields, pods
from incident_commander.evidence.health.state import WorkloadHealth, abridged, count, describe
from incident_commander.evidence.owners import Objects, pods_of
from incident_commander.evidence.revisions import in_newest, revisions
from incident_commander.ports import Object


def _rollout(
    health: WorkloadHealth, obj: Object, objects: Objects, since: datetime | None, complete_message: str
) -> WorkloadHealth:
    """Adds the pods' side to what the workload's status says."""
    generation, observed = fields.integer(obj, "metadata", "generation"), count(obj, "observedGeneration")
    seen = observed >= generation if generation is not None and not abridged(obj) else None
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
    if sick := describe(troubles):
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


def deployment(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    """Rolled out, available, and its current pods well."""
    desired = _replicas(obj)
    ready = count(obj, "readyReplicas", "availableReplicas")
    available = count(obj, "availableReplicas", "readyReplicas")
    total = count(obj, "replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    updated = count(obj, "updatedReplicas", "replicas", "readyReplicas", "availableReplicas")
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


def replica_set(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    """All replicas available, and its pods well."""
    desired, total = _replicas(obj), count(obj, "replicas", "readyReplicas", "availableReplicas")
    ready = count(obj, "readyReplicas", "availableReplicas")
    available = count(obj, "availableReplicas", "readyReplicas")
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


def stateful_set(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    """Updated down to its partition, all replicas ready, its current pods well."""
    desired = _replicas(obj)
    ready = count(obj, "readyReplicas", "availableReplicas")
    updated = count(obj, "updatedReplicas", "replicas", "readyReplicas", "availableReplicas")
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


def daemon_set(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    """Available on every node it is for, and its current pods well."""
    desired = count(obj, "desiredNumberScheduled")
    ready, available = count(obj, "numberReady", "numberAvailable"), count(obj, "numberAvailable", "numberReady")
    updated = count(obj, "updatedNumberScheduled", "numberReady", "numberAvailable")
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


def _replicas(obj: Object) -> int:
    found = fields.integer(obj, "spec", "replicas")
    return 1 if found is None else found
