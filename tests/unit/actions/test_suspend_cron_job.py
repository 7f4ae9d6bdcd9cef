"""SuspendCronJob: no new Jobs, and back."""

from typing import Any

from incident_commander.api.plan import ActionName, Op, Risk
from incident_commander.ports import Object
from tests.unit.actions.workloads import plan, refusal, workload

SUSPEND = ActionName.SUSPEND_CRON_JOB


def cron_job(**spec: Any) -> Object:
    meta = {"namespace": "shop", "name": "report", "uid": "uid-cj", "resourceVersion": "5", "generation": 1}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta, "spec": {"schedule": "* * * * *", **spec}}


def test_it_is_suspended_and_resumed_as_it_was() -> None:
    step = plan(SUSPEND, cron_job())
    assert [(op.op, op.value) for op in step.operations] == [(Op.ADD, "true")]
    assert [op.op for op in step.undo.operations] == [Op.REMOVE]
    assert step.risk is Risk.MEDIUM
    assert [op.value for op in plan(SUSPEND, cron_job(suspend=False)).undo.operations] == ["false"]


def test_suspended_already_or_another_kind() -> None:
    assert refusal(SUSPEND, cron_job(suspend=True)) == "NothingToChange"
    assert refusal(SUSPEND, workload()) == "KindNotSupported"
