"""Jobs and CronJobs that fail."""

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.planning.runbooks import builtin_runbooks
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import NOW, ago, ended, evidence, incident, log, meta, pod, running, template, told


def cron_job(**spec: object) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": meta("report", age=86400),
        "spec": {
            "schedule": "*/5 * * * *",
            "suspend": False,
            "jobTemplate": {"spec": {"template": template("report")}},
            **spec,
        },
        "status": {"lastScheduleTime": ago(minutes=4)},
    }


def job(name: str, owner: Object | None, *, failed: bool, minutes: float) -> Object:
    kind = "Failed" if failed else "Complete"
    condition = {"type": kind, "status": "True", "lastTransitionTime": ago(minutes=minutes)}
    if failed:
        condition |= {"reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}
    status = {"conditions": [condition], "failed": 4} if failed else {"conditions": [condition], "succeeded": 1}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta(name, owner=owner, age=minutes * 60 + 60),
        "spec": {"backoffLimit": 3, "template": template("report")},
        "status": status,
    }


def failed_pod(of: Object, code: int) -> Object:
    return pod(of, "abcde", running("report", ready=False, state=ended(code, "Error")), phase="Failed", age=200)


def test_a_cron_job_whose_last_jobs_failed_is_to_be_acted_on() -> None:
    cron = cron_job()
    jobs = [job("report-3", cron, failed=True, minutes=4), job("report-2", cron, failed=True, minutes=9)]
    jobs.append(job("report-1", cron, failed=False, minutes=14))
    sick = failed_pod(jobs[0], 1)
    words = log(sick, "Error: cannot open report", container="report")
    found = diagnose(evidence(cron, *jobs, sick, logs=[words]), incident("KubeJobFailed"), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 75) == (Cause.CRON_JOB_FAILING, True), told(found)
    assert top.object is not None
    assert (top.object.kind, top.facts["failures"], top.facts["job"]) == ("CronJob", "2", "report-3")
    assert "Error: cannot open report" in [c.value for c in top.evidence]


def test_a_failed_job_that_was_followed_by_a_good_one_is_history() -> None:
    cron = cron_job()
    jobs = [job("report-3", cron, failed=False, minutes=4), job("report-2", cron, failed=True, minutes=9)]
    found = diagnose(evidence(cron, *jobs), incident(), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses), told(found)


def test_a_job_on_its_own_fails_with_its_exit_code() -> None:
    alone = job("import", None, failed=True, minutes=3)
    found = diagnose(evidence(alone, failed_pod(alone, 3)), incident("KubeJobFailed"), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts["exitCode"], top.facts["failure"]) == (Cause.JOB_FAILED, "3", "BackoffLimitExceeded")
    assert top.confidence >= 70


def test_a_job_that_failed_for_good_is_sure_enough_to_be_cleared() -> None:
    alone = job("import", None, failed=True, minutes=3)
    top = diagnose(evidence(alone, failed_pod(alone, 3)), incident("KubeJobFailed"), NOW).hypotheses[0]
    clearing = next(book for book in builtin_runbooks() if book.metadata.name == "clear-failed-job")
    assert top.confidence >= clearing.spec.match.min_confidence


def test_a_command_that_cannot_run_stands_above_the_failing_of_its_cron_job() -> None:
    cron = cron_job()
    last = job("report-3", cron, failed=True, minutes=4)
    found = diagnose(evidence(cron, last, failed_pod(last, 127)), incident("KubeJobFailed"), NOW)
    assert [h.cause for h in found.hypotheses[:2]] == [Cause.BAD_COMMAND, Cause.CRON_JOB_FAILING], told(found)
    assert found.hypotheses[0].object is not None
    assert found.hypotheses[0].object.kind == "CronJob"
