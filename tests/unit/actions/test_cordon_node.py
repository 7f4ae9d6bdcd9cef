"""CordonNode: never so many that pods find no room."""

from incident_commander.actions.action import Bounds
from incident_commander.api.plan import ActionName, Op
from tests.unit.actions.workloads import node, plan, refusal

CORDON = ActionName.CORDON_NODE


def test_the_node_is_cordoned_and_uncordoned_again() -> None:
    step = plan(CORDON, node(), {"nodes": [node(), node("n2"), node("n3")]})
    assert [(op.op, op.path, op.value) for op in step.operations] == [(Op.ADD, "/spec/unschedulable", "true")]
    assert [op.op for op in step.undo.operations] == [Op.REMOVE]


def test_too_few_nodes_left_is_a_refusal() -> None:
    sick = node(ready="Unknown")
    assert refusal(CORDON, sick, {"nodes": [sick]}) == "TooFewNodes"
    assert refusal(CORDON, sick, {"nodes": [sick, node("n2")]}) == "TooFewNodes"
    half = Bounds(min_healthy_percent=50)
    assert plan(CORDON, sick, {"nodes": [sick, node("n2")]}, bounds=half).operations
    assert refusal(CORDON, sick, {"nodes": [sick, node("n2", cordoned=True)]}, bounds=half) == "TooFewNodes"
    assert refusal(CORDON, sick, {"nodes": [sick, node("n2", ready="False")]}, bounds=half) == "TooFewNodes"


def test_even_with_no_floor_one_node_stays() -> None:
    assert refusal(CORDON, node(), {"nodes": [node()]}, bounds=Bounds(min_healthy_percent=0)) == "TooFewNodes"


def test_cordoned_already_or_nodes_unknown() -> None:
    assert refusal(CORDON, node(cordoned=True), {"nodes": []}) == "NothingToChange"
    assert refusal(CORDON, node(), {}) == "NotObserved"
