"""RunJob: once, and only what its owners call rerunnable."""

import json
from datetime import timedelta

import pytest

from incident_commander.actions.action import Bounds, Situation
from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.actions.write import is_done, is_undone, shows, to_do, to_undo
from incident_commander.api.incident import StepOutcome, StepRecord
from incident_commander.api.plan import ActionName, Risk, Step, Verb
from incident_commander.errors import Refusal
from incident_commander.ports import Object
from tests.unit.actions.jobs import cron_job
from tests.unit.actions.workloads import NOW, plan, refusal, workload

RUN = ActionName.RUN_JOB


def made(step: Step) -> Object:
    found: Object = json.loads(step.operations[0].value or "")
    return found


def record(step: Step, generation: int | None = 1) -> StepRecord:
    return StepRecord(
        name=step.name,
        action=step.action,
        target=step.target,
        verb=step.verb,
        operations=step.operations,
        pre_image=step.pre_image,
        undo_operations=step.undo.operations,
        undo_possible=step.undo.possible,
        outcome=StepOutcome.APPLIED,
        result_generation=generation,
    )


def test_the_job_is_the_cron_jobs_and_goes_with_it() -> None:
    step = plan(RUN, cron_job())
    job = made(step)
    assert (step.verb, step.target.kind, step.risk, step.undo.possible) == (Verb.CREATE, "CronJob", Risk.MEDIUM, True)
    assert job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    assert job["metadata"]["labels"] == {"team": "shop", "app.kubernetes.io/managed-by": "incident-commander"}
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["uid"], owner.get("controller")) == ("uid-report", None)
    assert job["spec"]["ttlSecondsAfterFinished"] == 86_400
    assert job["metadata"]["name"] in step.summary


def test_the_name_is_the_plans_so_that_the_api_server_refuses_a_second_one() -> None:
    first, again = plan(RUN, cron_job()), plan(RUN, cron_job())
    assert first == again
    action, situation = CATALOGUE[RUN], Situation(target=cron_job())
    later = action.plan(situation, {}, bounds=Bounds(), issued_at=NOW + timedelta(seconds=1), step_name="it")
    other = action.plan(situation, {}, bounds=Bounds(), issued_at=NOW, step_name="other")
    names = {made(step)["metadata"]["name"] for step in (first, later, other)}
    assert len(names) == 3


def test_a_long_name_still_is_one() -> None:
    long = cron_job()
    long["metadata"]["name"] = "a-very-long-name-of-a-cron-job-that-is-just-about-allowed-x"
    name = made(plan(RUN, long))["metadata"]["name"]
    assert len(name) <= 63
    assert name.startswith("a-very-long-name")


def test_a_longer_life_after_the_end_is_kept() -> None:
    patient = cron_job()
    patient["spec"]["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] = 200_000
    assert made(plan(RUN, patient))["spec"]["ttlSecondsAfterFinished"] == 200_000


@pytest.mark.parametrize("rerun", ["", "true", "denied"])
def test_what_nobody_calls_rerunnable_is_refused(rerun: str) -> None:
    assert refusal(RUN, cron_job(rerun=rerun)) == "NotRerunnable"


def test_a_job_that_must_not_run_beside_itself_does_not() -> None:
    assert refusal(RUN, cron_job(active=1, concurrency="Forbid")) == "AlreadyRunning"
    assert refusal(RUN, cron_job(active=1, concurrency="Replace")) == "AlreadyRunning"
    assert plan(RUN, cron_job(active=1)).operations
    assert refusal(RUN, workload()) == "KindNotSupported"


class TestTheWrite:
    def test_creates_the_job_and_recognises_it_by_its_mark(self) -> None:
        step = plan(RUN, cron_job())
        write = to_do(step, cron_job())
        assert (write.verb, write.at, write.body) == (Verb.CREATE, shows(step), made(step))
        assert str(write.at).startswith("Job/shop/report-")
        assert is_done(step, made(step))
        assert not is_done(step, None)
        stranger = made(step)
        stranger["metadata"]["annotations"] = {}
        assert not is_done(step, stranger)

    def test_is_for_this_incarnation_of_the_cron_job(self) -> None:
        other = cron_job()
        other["metadata"]["uid"] = "another"
        with pytest.raises(Refusal, match="another object now"):
            to_do(plan(RUN, cron_job()), other)

    def test_is_taken_back_by_deleting_our_job_and_no_other(self) -> None:
        step = plan(RUN, cron_job())
        stored = made(step)
        stored["metadata"] |= {"uid": "uid-made", "generation": 1}
        write = to_undo(record(step), stored)
        assert (write.verb, write.at, write.uid) == (Verb.DELETE, shows(step), "uid-made")
        assert is_undone(record(step), None) == ("Undone", f"{shows(step)} is gone")
        stranger = {**stored, "metadata": {**stored["metadata"], "annotations": {}}}
        assert (is_undone(record(step), stranger) or ("",))[0] == "TargetReplaced"
        assert is_undone(record(step), stored) is None

    def test_what_somebody_changed_since_is_left_alone(self) -> None:
        step = plan(RUN, cron_job())
        stored = made(step)
        stored["metadata"] |= {"uid": "uid-made", "generation": 2}
        with pytest.raises(Refusal, match="was changed since"):
            to_undo(record(step), stored)
        assert to_undo(record(step, None), stored).verb is Verb.DELETE
