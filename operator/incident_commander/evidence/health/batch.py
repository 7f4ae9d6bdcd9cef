"""Pods on their own, Jobs and CronJobs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from incident_commander.api import kinds
from incident_commander.api.meta import TargetRef
from incident_commander.evidence import fields, pods
from incident_commander.evidence.health.state import WorkloadHealth, count, describe
from incident_commander.evidence.owners import Objects, owns, pods_of
from incident_commander.ports import Object


def pod(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    """Ready and running, or ended with success; a failed pod stays failed."""
    phase, is_ready = pods.phase(obj), pods.ready(obj)
    troubles = tuple(pods.troubles(obj))
    restarts = pods.restarted_since(obj, since) if since is not None else None
    health = WorkloadHealth(
        target,
        exists=True,
        healthy=False,
        reason=phase or "NoStatus",
        message=describe(troubles) or f"phase {phase or 'not reported'}",
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


def job(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    """Complete or failed for good; while it runs, only a failure says anything."""
    wanted = fields.integer(obj, "spec", "completions") or 1
    health = WorkloadHealth(
        target,
        exists=True,
        healthy=None,
        reason="Running",
        message=f"{count(obj, 'succeeded')} of {wanted} completions, {count(obj, 'failed')} failed pods",
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
    if troubles or count(obj, "failed"):
        message = describe(troubles) or health.message
        return replace(health, healthy=False, reason="PodsFail", message=message, troubles=troubles)
    return health


def cron_job(target: TargetRef, obj: Object, objects: Objects, since: datetime | None) -> WorkloadHealth:
    """As its last finished Job; suspended and idle is well. One that somebody runs by hand is waited for."""
    health = WorkloadHealth(target, exists=True, healthy=None, reason="NoFinishedJob", message="no Job has finished")
    active = len(fields.items(obj, "status", "active"))
    if fields.flag(obj, "spec", "suspend"):
        healthy = True if active == 0 else None
        return replace(health, healthy=healthy, reason="Suspended", message=f"suspended, {active} Jobs still active")
    if kinds.JOB.resource not in objects:
        return replace(health, reason="NotObserved", message="its Jobs could not be read")
    jobs = [j for j in objects[kinds.JOB.resource] if owns(obj, j) or _made_from(obj, j)]
    by_hand = next((j for j in jobs if _made_from(obj, j) and finished_at(j) is None), None)
    if by_hand is not None:
        return replace(health, reason="JobRunning", message=f"Job {fields.name(by_hand)} has not finished")
    ended = [(at, j) for j in jobs if (at := finished_at(j)) is not None]
    if not ended:
        return health
    at, last = max(ended, key=lambda pair: pair[0])
    failed = fields.condition(last, "Failed").get("status") == "True"
    message = f"its last Job {fields.name(last)} {'failed' if failed else 'completed'} at {at:%Y-%m-%dT%H:%M:%S}Z"
    return replace(
        health, healthy=not failed, reason="LastJobFailed" if failed else "LastJobCompleted", message=message
    )


def _made_from(cron_job: Object, job: Object) -> bool:
    """Whether it was run by hand (RunJob): it refers to the CronJob, which does not control it."""
    uid = fields.text(cron_job, "metadata", "uid")
    return bool(uid) and any(
        fields.text(owner, "uid") == uid and not fields.flag(owner, "controller")
        for owner in fields.items(job, "metadata", "ownerReferences")
    )


def finished_at(job: Object) -> datetime | None:
    """When a Job completed or failed, or None while it has not."""
    for type_ in ("Complete", "Failed"):
        found = fields.condition(job, type_)
        if found.get("status") == "True":
            return fields.moment(found, "lastTransitionTime")
    return None
