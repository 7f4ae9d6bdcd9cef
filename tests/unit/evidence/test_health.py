"""Is it well? None wherever that was not observed."""

from datetime import timedelta

import pytest

from incident_commander.api import kinds
from incident_commander.evidence.evidence import Evidence, target_of
from incident_commander.evidence.health import WorkloadHealth, workload_health
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    NS,
    ago,
    crash_looping,
    deployment,
    ended,
    endpoint_slice,
    evidence,
    meta,
    node,
    pod,
    replica_set,
    running,
    service,
    waiting,
)


def health(target: Object, *objects: Object, since: float | None = None) -> WorkloadHealth:
    after = NOW - timedelta(seconds=since) if since is not None else None
    return workload_health(target_of(target), evidence(target, *objects).objects, since=after)


def rolled(web: Object, *, status: Object | None = None) -> list[Object]:
    old = replica_set(web, "6d4b75cb6d", revision=1, replicas=0, ready=0)
    new = replica_set(web, "7f9c8d5b44", revision=2, age=300)
    return [old, new, pod(new, "abcde", *([status] if status else [])), pod(new, "fghij")]


def test_a_finished_rollout_with_ready_pods_is_healthy() -> None:
    web = deployment(revision=2)
    found = health(web, *rolled(web), since=600)
    assert (found.healthy, found.rollout_complete, found.generation_observed, found.restarts) == (True, True, True, 0)
    assert (found.desired, found.ready, found.updated, found.available) == (2, 2, 2, 2)


def test_a_sick_pod_of_an_older_revision_does_not_count_once_the_rollout_is_finished() -> None:
    web = deployment(revision=2)
    objects = rolled(web)
    left_over = pod(objects[0], "zzzzz", crash_looping())
    assert health(web, *objects, left_over).healthy is True


def test_it_does_count_while_the_rollout_goes_on() -> None:
    web = deployment(revision=2)
    web["status"] |= {"updatedReplicas": 1, "replicas": 3}
    objects = rolled(web)
    found = health(web, *objects, pod(objects[0], "zzzzz", crash_looping()))
    assert (found.healthy, found.rollout_complete) == (False, False)
    assert [(t.reason, t.newest_revision) for t in found.troubles] == [("CrashLoopBackOff", False)]


def test_status_alone_proves_nothing_when_the_pods_could_not_be_read() -> None:
    web = deployment()
    objects = {k: v for k, v in evidence(web).objects.items() if k != kinds.POD.resource}
    found = workload_health(target_of(web), objects)
    assert (found.healthy, found.reason) == (None, "PodsNotObserved")


def test_a_change_that_the_controller_has_not_seen_cannot_be_judged() -> None:
    web = deployment(revision=2)
    web["metadata"]["generation"] = 3
    found = health(web, *rolled(web))
    assert (found.healthy, found.generation_observed, found.reason) == (None, False, "GenerationNotObserved")


def test_a_container_that_ended_since_the_change_makes_it_unhealthy_though_it_is_ready_now() -> None:
    web = deployment(revision=2)
    objects = rolled(web, status=running(restarts=1, lastState=ended(1, "Error", since=60)))
    assert health(web, *objects, since=300).reason == "ContainersRestarted"
    assert health(web, *objects, since=300).healthy is False
    assert health(web, *objects, since=30).healthy is True


def test_a_passed_progress_deadline_is_failed_for_good() -> None:
    web = deployment(revision=2, ready=0)
    web["status"]["conditions"][1] |= {"status": "False", "reason": "ProgressDeadlineExceeded"}
    found = health(web, *rolled(web, status=waiting("ImagePullBackOff")))
    assert (found.healthy, found.failed) == (False, True)


def test_pods_that_are_being_deleted_or_were_evicted_do_not_count() -> None:
    web = deployment(revision=2)
    objects = rolled(web)
    leaving = pod(objects[1], "leave", crash_looping())
    leaving["metadata"]["deletionTimestamp"] = ago(seconds=5)
    evicted = pod(objects[1], "evict", crash_looping(), phase="Failed")
    assert health(web, *objects, leaving, evicted).healthy is True


def test_a_kind_that_was_not_asked_for_is_not_known_and_an_object_that_is_not_there_is_gone() -> None:
    web = deployment()
    blind = workload_health(target_of(web), Evidence(None, NOW).objects)
    assert (blind.exists, blind.healthy) == (None, None)
    gone = workload_health(target_of(web), {kinds.DEPLOYMENT.resource: []})
    assert (gone.exists, gone.healthy) == (False, False)
    other = target_of(web).model_copy(update={"uid": "another"})
    assert workload_health(other, {kinds.DEPLOYMENT.resource: [web]}).reason == "Replaced"


def stateful_set(*, ready: int = 3, updated: int = 3, **spec: object) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": meta("db", generation=4),
        "spec": {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, **spec},
        "status": {
            "observedGeneration": 4,
            "replicas": 3,
            "readyReplicas": ready,
            "updatedReplicas": updated,
            "availableReplicas": ready,
            "currentRevision": "db-1",
            "updateRevision": "db-2",
        },
    }


def test_a_stateful_set_is_rolled_out_down_to_its_partition() -> None:
    assert health(stateful_set()).healthy is True
    assert health(stateful_set(updated=1)).healthy is False
    held = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    assert health(stateful_set(updated=1, updateStrategy=held)).healthy is True


def test_a_daemon_set_wants_a_pod_on_every_node_it_is_for() -> None:
    daemon = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": meta("agent", generation=1),
        "spec": {},
        "status": {
            "observedGeneration": 1,
            "desiredNumberScheduled": 3,
            "numberReady": 3,
            "numberAvailable": 3,
            "updatedNumberScheduled": 3,
        },
    }
    assert health(daemon).healthy is True
    daemon["status"] |= {"numberAvailable": 2, "numberReady": 2}  # type: ignore[operator]
    assert health(daemon).healthy is False


def job(**status: object) -> Object:
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta("import"), "spec": {}, "status": status}


def test_a_job_is_well_when_complete_failed_for_good_when_failed_and_open_while_it_runs() -> None:
    done = {"type": "Complete", "status": "True", "lastTransitionTime": ago(minutes=1)}
    failed = {
        "type": "Failed",
        "status": "True",
        "reason": "BackoffLimitExceeded",
        "lastTransitionTime": ago(minutes=1),
    }
    assert health(job(conditions=[done])).healthy is True
    assert (health(job(conditions=[failed])).healthy, health(job(conditions=[failed])).failed) == (False, True)
    assert health(job(active=1)).healthy is None
    assert health(job(active=1, failed=1)).healthy is False


@pytest.mark.parametrize(
    ("sick", "reason"),
    [
        (node(), "Ready"),
        (node(ready="Unknown"), "NodeStatusUnknown"),
        (node(MemoryPressure="True"), "MemoryPressure"),
        (node(unschedulable=True), "Ready"),
    ],
)
def test_a_node_is_well_when_ready_and_without_pressure_cordoned_or_not(sick: Object, reason: str) -> None:
    found = health(sick)
    assert (found.healthy, found.reason) == (reason == "Ready", reason)


def test_a_service_is_well_with_a_ready_endpoint() -> None:
    svc = service("web", {"app": "web"})
    assert health(svc, endpoint_slice(svc, False, True)).healthy is True
    assert health(svc, endpoint_slice(svc, False)).healthy is False
    assert workload_health(target_of(svc), {kinds.SERVICE.resource: [svc]}).healthy is None


def test_a_claim_is_well_when_bound_and_lost_for_good_when_lost() -> None:
    claim: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta("data"),
        "status": {"phase": "Bound"},
    }
    assert health(claim).healthy is True
    claim["status"] = {"phase": "Lost"}
    assert (health(claim).healthy, health(claim).failed) == (False, True)
    claim["status"] = {}
    assert health(claim).healthy is None


def test_a_claim_that_is_still_growing_is_not_well_and_says_why() -> None:
    claim: Object = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop"},
        "spec": {"resources": {"requests": {"storage": "15Gi"}}},
        "status": {
            "phase": "Bound",
            "capacity": {"storage": "10Gi"},
            "conditions": [{"type": "FileSystemResizePending", "status": "True", "message": "Waiting for a restart"}],
        },
    }
    found = health(claim)
    assert (found.healthy, found.failed, found.reason) == (False, False, "Resizing")
    assert "Waiting for a restart" in found.message
    claim["status"]["capacity"]["storage"] = "15Gi"
    assert health(claim).healthy is True


def test_a_suspended_cron_job_is_well_once_nothing_of_it_runs() -> None:
    cron: Object = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": meta("report"),
        "spec": {"suspend": True},
        "status": {},
    }
    assert (health(cron).healthy, health(cron).reason) == (True, "Suspended")
    cron["status"] = {"active": [{"name": "report-1", "namespace": NS}]}
    assert health(cron).healthy is None


def test_a_job_that_was_run_by_hand_counts_and_is_waited_for() -> None:
    cron: Object = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta("report"), "spec": {}, "status": {}}
    cron["metadata"]["uid"] = "uid-cron"
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "report", "uid": "uid-cron"}

    def job(name: str, condition: str, at: str, *, scheduled: bool) -> Object:
        status = {"conditions": [{"type": condition, "status": "True", "lastTransitionTime": at}]} if condition else {}
        refs = [{**owner, **({"controller": True} if scheduled else {})}]
        return {"kind": "Job", "metadata": {**meta(name), "ownerReferences": refs}, "spec": {}, "status": status}

    def judged(*jobs: Object) -> tuple[bool | None, str]:
        found = workload_health(target_of(cron), {kinds.CRON_JOB.resource: [cron], kinds.JOB.resource: list(jobs)})
        return found.healthy, found.reason

    failed = job("report-1", "Failed", "2026-03-01T03:00:00Z", scheduled=True)
    assert judged(failed) == (False, "LastJobFailed")
    assert judged(failed, job("report-2", "", "", scheduled=False)) == (None, "JobRunning")
    assert judged(failed, job("report-2", "", "", scheduled=True)) == (False, "LastJobFailed")
    done = job("report-2", "Complete", "2026-03-01T09:00:00Z", scheduled=False)
    assert judged(failed, done) == (True, "LastJobCompleted")


def test_a_bare_pod_that_failed_stays_failed() -> None:
    web = deployment()
    rs = replica_set(web, "6d4b75cb6d")
    assert health(pod(rs, "a")).healthy is True
    assert health(pod(rs, "a", crash_looping())).healthy is False
    assert health(pod(rs, "a", crash_looping(), phase="Failed")).failed is True
    assert health(pod(rs, "a", phase="Unknown")).healthy is None


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_zeros_that_stand_there_before_a_controller_has_seen_it_are_no_health(kind: str) -> None:
    zeros = {"replicas": 0, "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}
    made = {"apiVersion": "apps/v1", "kind": kind, "metadata": meta("web", generation=1), "spec": {"replicas": 1}}
    found = health({**made, "status": zeros})
    assert (found.healthy, found.reason) == (None, "GenerationNotObserved")
