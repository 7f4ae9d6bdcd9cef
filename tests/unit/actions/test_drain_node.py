"""DrainNode: the cordon, and which pods are to be moved."""

import pytest

from incident_commander.actions.action import Bounds, Situation
from incident_commander.actions.drain_node import MAX_PODS, pods_to_evict
from incident_commander.api.plan import ActionName, Op, Risk
from incident_commander.errors import Refusal
from incident_commander.ports import Object
from tests.unit.actions.workloads import node, plan, pod, refusal, workload

DRAIN = ActionName.DRAIN_NODE
SET, DAEMON = workload("StatefulSet"), workload("DaemonSet")


def around(*pods: Object) -> dict[str, list[Object]]:
    return {"nodes": [node(), node("n2"), node("n3")], "pods": list(pods)}


def moved(*pods: Object) -> list[str]:
    return [p["metadata"]["name"] for p in pods_to_evict(Situation(target=node(), related=around(*pods)))]


def test_the_step_is_a_cordon_that_the_undo_takes_away() -> None:
    step = plan(DRAIN, node(), around(pod("web-0", SET)))
    assert [(op.op, op.path, op.value) for op in step.operations] == [(Op.ADD, "/spec/unschedulable", "true")]
    assert [op.op for op in step.undo.operations] == [Op.REMOVE]
    assert step.risk is Risk.MEDIUM


def test_it_does_not_change_while_pods_come_and_go() -> None:
    assert plan(DRAIN, node(), around()) == plan(DRAIN, node(), around(pod("web-0", SET)))


def test_the_floor_of_nodes_holds_as_for_a_cordon() -> None:
    assert refusal(DRAIN, node(), {"nodes": [node(), node("n2")], "pods": []}) == "TooFewNodes"
    assert refusal(DRAIN, node(cordoned=True), around()) == "NothingToChange"
    assert refusal(DRAIN, node(), {"nodes": [node()]}, bounds=Bounds(min_healthy_percent=0)) == "TooFewNodes"


def test_pods_of_daemon_sets_and_kubelets_and_those_that_ended_stay() -> None:
    going = pod("web-9", SET)
    going["metadata"]["deletionTimestamp"] = "2026-03-01T11:59:00Z"
    done = pod("web-8", SET, phase="Succeeded")
    others = pod("agent", DAEMON), pod("kube-proxy", node()), going, done
    assert moved(pod("web-1", SET), pod("web-0", SET), *others) == ["web-0", "web-1"]


@pytest.mark.parametrize(
    ("pods", "reason"),
    [
        ([pod("web-0", SET), pod("alone")], "UnmanagedPod"),
        ([pod("agent", DAEMON)], "NothingToEvict"),
        ([], "NothingToEvict"),
        ([pod(f"web-{n}", SET) for n in range(MAX_PODS + 1)], "TooManyPods"),
    ],
)
def test_a_node_that_cannot_be_drained_whole_is_refused(pods: list[Object], reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        moved(*pods)
    assert refused.value.reason == reason
