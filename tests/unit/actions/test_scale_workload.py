"""ScaleWorkload: never against an autoscaler, a person, or the bounds."""

import pytest

from incident_commander.actions.action import Bounds
from incident_commander.api.plan import ActionName, Op, Risk
from incident_commander.ports import Object
from tests.unit.actions.workloads import hpa, plan, refusal, workload

SCALE = ActionName.SCALE_WORKLOAD
NO_HPA: dict[str, list[Object]] = {"horizontalpodautoscalers.autoscaling": []}


def test_replicas_are_replaced_and_remembered() -> None:
    step = plan(SCALE, workload(), NO_HPA, replicas="5")
    assert [(op.path, op.value) for op in step.operations] == [("/spec/replicas", "5")]
    assert [(op.op, op.value) for op in step.undo.operations] == [(Op.REPLACE, "3")]
    assert step.risk is Risk.LOW
    assert plan(SCALE, workload(), NO_HPA, replicas="2").risk is Risk.MEDIUM


@pytest.mark.parametrize(
    ("now", "replicas", "reason"),
    [
        (3, "3", "NothingToChange"),
        (3, "0", "BelowHealthyFloor"),
        (3, "1", "BelowHealthyFloor"),
        (3, "21", "AboveBound"),
        (0, "3", "ScaledToZero"),
        (3, "many", "BadParameter"),
        (3, "", "MissingParameter"),
    ],
)
def test_it_is_refused(now: int, replicas: str, reason: str) -> None:
    assert refusal(SCALE, workload(spec={"replicas": now}), NO_HPA, replicas=replicas) == reason


def test_what_is_above_the_bound_already_may_come_down() -> None:
    step = plan(SCALE, workload(spec={"replicas": 30}), NO_HPA, bounds=Bounds(max_replicas=5), replicas="25")
    assert step.operations[0].value == "25"


def test_an_autoscaled_workload_is_refused() -> None:
    assert refusal(SCALE, workload(), {"horizontalpodautoscalers.autoscaling": [hpa()]}, replicas="5") == "ScaledByHPA"


def test_not_knowing_about_autoscalers_is_a_refusal() -> None:
    assert refusal(SCALE, workload(), {}, replicas="5") == "NotObserved"
