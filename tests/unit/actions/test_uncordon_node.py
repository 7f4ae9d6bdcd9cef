"""UncordonNode: only a healthy node, and only our own cordon."""

from typing import Any

from incident_commander.api.plan import ActionName, Op
from tests.unit.actions.workloads import node, plan, refusal

UNCORDON = ActionName.UNCORDON_NODE


def by(manager: str) -> list[dict[str, Any]]:
    return [
        {"manager": "kubelet", "fieldsV1": {"f:status": {}}},
        {"manager": manager, "fieldsV1": {"f:spec": {"f:unschedulable": {}}}},
    ]


OURS = by("incident-commander-executor")


def test_our_own_cordon_is_taken_away() -> None:
    step = plan(UNCORDON, node(cordoned=True, managedFields=OURS))
    assert [(op.op, op.path, op.value) for op in step.operations] == [(Op.REMOVE, "/spec/unschedulable", None)]
    assert [(op.op, op.value) for op in step.undo.operations] == [(Op.ADD, "true")]


def test_somebody_elses_cordon_is_left_alone_unless_the_runbook_says_otherwise() -> None:
    for fields in ([], by("kubectl-cordon")):
        assert refusal(UNCORDON, node(cordoned=True, managedFields=fields)) == "CordonedBySomebodyElse"
        assert plan(UNCORDON, node(cordoned=True, managedFields=fields), cordonedBy="anyone").operations
    assert refusal(UNCORDON, node(cordoned=True), cordonedBy="everyone") == "BadParameter"


def test_a_sick_node_stays_cordoned() -> None:
    assert refusal(UNCORDON, node(cordoned=True, ready="Unknown", managedFields=OURS)) == "NodeNotHealthy"
    pressed = node(cordoned=True, managedFields=OURS)
    pressed["status"]["conditions"].append({"type": "DiskPressure", "status": "True"})
    assert refusal(UNCORDON, pressed) == "NodeNotHealthy"


def test_a_node_that_is_not_cordoned_is_nothing_to_change() -> None:
    assert refusal(UNCORDON, node()) == "NothingToChange"
