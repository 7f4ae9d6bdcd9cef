"""Jobs and CronJobs as an API server sends them."""

from __future__ import annotations

from typing import Any

from incident_commander.ports import Object
from tests.unit.actions.workloads import container


def job_spec() -> dict[str, Any]:
    return {"backoffLimit": 2, "template": {"spec": {"restartPolicy": "Never", "containers": [container("report")]}}}


def cron_job(*, rerun: str = "allowed", active: int = 0, concurrency: str = "Allow", **spec: Any) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "namespace": "shop",
            "name": "report",
            "uid": "uid-report",
            "resourceVersion": "5",
            "generation": 1,
            "annotations": {"incidentcommander.io/rerun": rerun} if rerun else {},
        },
        "spec": {
            "schedule": "0 3 * * *",
            "concurrencyPolicy": concurrency,
            "jobTemplate": {"metadata": {"labels": {"team": "shop"}}, "spec": job_spec()},
            **spec,
        },
        "status": {"active": [{"name": f"report-{n}"} for n in range(active)]} if active else {},
    }


def job(*, condition: str = "", **status: Any) -> Object:
    labels = {"app": "report", "batch.kubernetes.io/controller-uid": "uid-job", "controller-uid": "uid-job"}
    labels |= {"batch.kubernetes.io/job-name": "report-1", "job-name": "report-1"}
    spec = job_spec()
    spec["template"]["metadata"] = {"labels": labels}
    if condition:
        status["conditions"] = [{"type": condition, "status": "True", "reason": "BackoffLimitExceeded"}]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "namespace": "shop",
            "name": "report-1",
            "uid": "uid-job",
            "resourceVersion": "8",
            "generation": 1,
            "creationTimestamp": "2026-03-01T11:00:00Z",
            "labels": {"app": "report", "job-name": "report-1"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "owner": "shop"},
            "managedFields": [{"manager": "kubectl"}],
        },
        "spec": {**spec, "suspend": False, "selector": {"matchLabels": {"controller-uid": "uid-job"}}},
        "status": {"startTime": "2026-03-01T11:00:00Z", **status},
    }
