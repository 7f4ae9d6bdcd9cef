"""DeleteJob: only what does not work, and back again without running."""

import json

import pytest

from incident_commander.actions.write import is_done, is_undone, to_do, to_undo
from incident_commander.api.plan import ActionName, Risk, Verb
from incident_commander.ports import Object
from tests.unit.actions.jobs import job
from tests.unit.actions.test_run_job import record
from tests.unit.actions.workloads import plan, refusal, workload

DELETE = ActionName.DELETE_JOB


def test_a_failed_job_is_deleted() -> None:
    step = plan(DELETE, job(condition="Failed"))
    assert (step.verb, step.risk, step.undo.possible) == (Verb.DELETE, Risk.MEDIUM, True)
    assert "failed: BackoffLimitExceeded" in step.summary
    assert "suspended" in step.undo.reason


def test_the_pre_image_holds_what_somebody_would_write_to_make_it_anew() -> None:
    before = json.loads(plan(DELETE, job(condition="Failed")).pre_image[0].value or "")
    assert "status" not in before
    assert before["metadata"] == {
        "namespace": "shop",
        "name": "report-1",
        "labels": {"app": "report", "job-name": "report-1"},
        "annotations": {"owner": "shop"},
    }
    assert before["spec"]["suspend"] is False


def test_the_undo_makes_it_again_but_suspended_and_with_pods_of_its_own() -> None:
    again = json.loads(plan(DELETE, job(condition="Failed")).undo.operations[0].value or "")
    assert again["spec"]["suspend"] is True
    assert "selector" not in again["spec"]
    assert again["spec"]["template"]["metadata"]["labels"] == {"app": "report"}
    assert again["metadata"]["labels"] == {"app": "report"}


def test_labels_that_select_by_hand_are_kept() -> None:
    manual = job(condition="Failed")
    manual["spec"] |= {"manualSelector": True, "selector": {"matchLabels": {"app": "report"}}}
    again = json.loads(plan(DELETE, manual).undo.operations[0].value or "")
    assert again["spec"]["selector"] == {"matchLabels": {"app": "report"}}


def test_a_job_without_a_ready_pod_for_long_is_stuck() -> None:
    assert "stuck" in plan(DELETE, job(active=1, ready=0)).summary
    assert refusal(DELETE, job(active=1, ready=0, startTime="2026-03-01T11:55:00Z")) == "JobStarting"
    assert refusal(DELETE, job(active=0, startTime=None)) == "JobStarting"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (job(condition="Complete"), "JobComplete"),
        (job(active=1, ready=1), "JobWorking"),
        ({**job(), "spec": {**job()["spec"], "suspend": True}}, "JobSuspended"),
        (workload(), "KindNotSupported"),
    ],
)
def test_a_job_that_works_or_is_done_is_left_alone(target: Object, reason: str) -> None:
    assert refusal(DELETE, target) == reason


def test_the_write_and_its_undo_know_the_job_from_another_of_its_name() -> None:
    failed = job(condition="Failed")
    step = plan(DELETE, failed)
    write = to_do(step, failed)
    assert (write.verb, write.uid, write.resource_version) == (Verb.DELETE, "uid-job", "8")
    assert is_done(step, None)
    assert is_done(step, {**failed, "metadata": {**failed["metadata"], "uid": "another"}})
    assert not is_done(step, failed)

    kept = record(step)
    assert to_undo(kept, None).verb is Verb.CREATE
    assert is_undone(kept, None) is None
    assert is_undone(kept, failed) == ("Undone", "it was not deleted")
    again = json.loads(step.undo.operations[0].value or "")
    again["metadata"]["uid"] = "uid-again"
    assert is_undone(kept, again) == ("Undone", "it was made again")
    stranger = {**failed, "metadata": {**failed["metadata"], "uid": "another"}}
    assert (is_undone(kept, stranger) or ("",))[0] == "TargetReplaced"
