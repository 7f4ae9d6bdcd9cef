"""Jobs and CronJobs: run to completion, a bounded number of times, unless suspended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from incident_commander.api.kinds import CRON_JOB, JOB, POD
from incident_commander.guards import cron
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.controllers.events import EventRecorder
from incident_commander.rehearsal.controllers.replicas import PodMaker, active, own_and_owner_keys
from incident_commander.rehearsal.objects import (
    copy_json,
    dig,
    kube_time,
    labels_of,
    name_of,
    owned_by,
    owner_reference,
    parse_kube_time,
)
from incident_commander.rehearsal.store import Key, WatchEvent

_FIRST_BACKOFF_SECONDS = 10.0


class JobController:
    """Runs pods until enough succeeded, or too many failed."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._pods = PodMaker(api, "job-controller")
        self._events = EventRecorder(api, "job-controller")

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """Its own objects and their pods' owners."""
        return own_and_owner_keys(event, JOB, POD)

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Start what is missing, or conclude."""
        job = self._api.store.get(JOB, namespace, name)
        if job is None or job["metadata"].get("deletionTimestamp") or _concluded(job):
            return None
        pods = owned_by(self._api.store.scan(POD, namespace), job)
        failed = [pod for pod in pods if dig(pod, "status", "phase") == "Failed"]
        succeeded = sum(dig(pod, "status", "phase") == "Succeeded" for pod in pods)
        running = active(pods)
        tries = len(failed) + sum(
            int(status["restartCount"]) for pod in running for status in dig(pod, "status", "containerStatuses") or []
        )
        if succeeded >= int(job["spec"]["completions"]):
            self._conclude(job, "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
            return None
        if tries > int(job["spec"]["backoffLimit"]):
            for pod in running:
                self._pods.delete(job, pod)
            text = "Job has reached the specified backoff limit"
            self._conclude(job, "Failed", "BackoffLimitExceeded", text)
            return None
        again = self._start(job, running, failed)
        self._report(job, len(running), succeeded, len(failed), [])
        return again

    def _start(self, job: Object, running: list[Object], failed: list[Object]) -> float | None:
        if job["spec"].get("suspend"):
            for pod in running:
                self._pods.delete(job, pod)
            return None
        ended = [
            parse_kube_time(str(dig(status, "state", "terminated", "finishedAt")))
            for pod in failed
            for status in dig(pod, "status", "containerStatuses") or []
        ]
        if ended:
            ready_at = max(ended) + timedelta(seconds=_FIRST_BACKOFF_SECONDS * 2.0 ** (len(failed) - 1))
            left = (ready_at - self._api.clock.now()).total_seconds()
            if left > 0:
                return left
        template = copy_json(job["spec"]["template"])
        template["metadata"]["labels"] = labels_of(template) | {"batch.kubernetes.io/job-name": name_of(job)}
        for _ in range(int(job["spec"]["parallelism"]) - len(running)):
            self._pods.create(job, template, {"generateName": f"{name_of(job)}-"})
        return None

    def _conclude(self, job: Object, type_: str, reason: str, message: str) -> None:
        record = self._events.normal if type_ == "Complete" else self._events.warning
        record(job, "Completed" if type_ == "Complete" else reason, message)
        pods = owned_by(self._api.store.scan(POD, job["metadata"]["namespace"]), job)
        phases = [dig(pod, "status", "phase") for pod in pods]
        now = kube_time(self._api.clock.now())
        condition = {
            "type": type_,
            "status": "True",
            "reason": reason,
            "message": message,
            "lastProbeTime": now,
            "lastTransitionTime": now,
        }
        self._report(job, 0, phases.count("Succeeded"), phases.count("Failed"), [condition])

    def _report(self, job: Object, running: int, succeeded: int, failed: int, conditions: list[dict[str, Any]]) -> None:
        now = kube_time(self._api.clock.now())
        counts = {"active": running, "succeeded": succeeded, "failed": failed}
        status: dict[str, Any] = {key: value for key, value in counts.items() if value}
        status["startTime"] = dig(job, "status", "startTime") or now
        if conditions:
            status["conditions"] = conditions
            if conditions[0]["type"] == "Complete":
                status["completionTime"] = now
        self._api.change_status(JOB, job, status)


class CronJobController:
    """Creates a Job at each time of the schedule (UTC), unless suspended or still running when that is forbidden."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._events = EventRecorder(api, "cronjob-controller")

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """Its own objects and their Jobs' owners."""
        return own_and_owner_keys(event, CRON_JOB, JOB)

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Start the Job of this minute, keep the history short, look again at the next minute."""
        found = self._api.store.get(CRON_JOB, namespace, name)
        if found is None or found["metadata"].get("deletionTimestamp"):
            return None
        now = self._api.clock.now()
        jobs = owned_by(self._api.store.scan(JOB, namespace), found)
        running = [job for job in jobs if not _concluded(job)]
        minute = now.replace(second=0, microsecond=0)
        scheduled = cron.parse(str(found["spec"]["schedule"])).matches(minute)
        held = found["spec"]["suspend"] or (found["spec"]["concurrencyPolicy"] == "Forbid" and running)
        if scheduled and not held and minute > parse_kube_time(found["metadata"]["creationTimestamp"]):
            self._run(found, minute)
        self._forget(found, jobs)
        self._report(namespace, name)
        return 60.0 - now.second - now.microsecond / 1e6

    def _run(self, owner: Object, minute: datetime) -> None:
        namespace, name = owner["metadata"]["namespace"], f"{name_of(owner)}-{int(minute.timestamp()) // 60}"
        if self._api.store.get(JOB, namespace, name) is not None or dig(
            owner, "status", "lastScheduleTime"
        ) == kube_time(minute):
            return
        template = copy_json(owner["spec"]["jobTemplate"])
        meta = {**(template.get("metadata") or {}), "name": name, "ownerReferences": [owner_reference(owner)]}
        self._api.create(JOB, namespace, {"metadata": meta, "spec": template["spec"]})
        self._events.normal(owner, "SuccessfulCreate", f"Created job {name}")
        status = {**(owner.get("status") or {}), "lastScheduleTime": kube_time(minute)}
        self._api.change_status(CRON_JOB, owner, status)

    def _forget(self, owner: Object, jobs: list[Object]) -> None:
        for type_, field in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            ended = [job for job in jobs if _concluded(job) == type_]
            for job in sorted(ended, key=name_of)[: max(0, len(ended) - int(owner["spec"][field]))]:
                self._api.delete(JOB, job["metadata"]["namespace"], name_of(job))

    def _report(self, namespace: str, name: str) -> None:
        owner = self._api.store.get(CRON_JOB, namespace, name)
        if owner is None:
            return
        jobs = owned_by(self._api.store.scan(JOB, namespace), owner)
        running = [job for job in jobs if not _concluded(job)]
        status = {key: value for key, value in (owner.get("status") or {}).items() if key != "active"}
        if running:
            status["active"] = [
                {"kind": "Job", "namespace": namespace, "name": name_of(job), "uid": job["metadata"]["uid"]}
                for job in running
            ]
        self._api.change_status(CRON_JOB, owner, status)


def _concluded(job: Object) -> str:
    """``Complete``, ``Failed``, or empty."""
    conditions = dig(job, "status", "conditions") or []
    return next((str(c["type"]) for c in conditions if c["type"] in ("Complete", "Failed")), "")
