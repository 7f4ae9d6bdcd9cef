"""PatchHPA: upwards only, within the bound."""

from typing import Any

import pytest

from incident_commander.api.plan import ActionName, Op
from tests.unit.actions.workloads import hpa, plan, refusal

PATCH = ActionName.PATCH_HPA


def test_the_maximum_is_raised_and_remembered() -> None:
    step = plan(PATCH, hpa(), maxReplicas="9")
    assert [(op.path, op.value) for op in step.operations] == [("/spec/maxReplicas", "9")]
    assert [op.value for op in step.undo.operations] == ["5"]


def test_an_absent_minimum_is_added_and_removed_again() -> None:
    target = hpa()
    del target["spec"]["minReplicas"]
    step = plan(PATCH, target, maxReplicas="5", minReplicas="3")
    assert [(op.op, op.path) for op in step.operations] == [(Op.ADD, "/spec/minReplicas")]
    assert [op.op for op in step.undo.operations] == [Op.REMOVE]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"maxReplicas": "5"}, "NothingToChange"),
        ({"maxReplicas": "4"}, "WouldScaleDown"),
        ({"maxReplicas": "6", "minReplicas": "1"}, "WouldScaleDown"),
        ({"maxReplicas": "6", "minReplicas": "7"}, "BadParameter"),
        ({"maxReplicas": "21"}, "AboveBound"),
        ({"maxReplicas": "1.5"}, "BadParameter"),
        ({}, "MissingParameter"),
    ],
)
def test_it_is_refused(parameters: dict[str, Any], reason: str) -> None:
    assert refusal(PATCH, hpa(), **parameters) == reason
