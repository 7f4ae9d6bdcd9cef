"""EvictPod: only what a controller brings back, and only data that may go."""

from typing import Any

import pytest

from incident_commander.actions.action import Bounds
from incident_commander.api.plan import ActionName, Risk, Verb
from incident_commander.ports import Object
from tests.unit.actions.workloads import node, plan, pod, refusal, workload

EVICT = ActionName.EVICT_POD
OWNER = workload("StatefulSet")


def with_volume(**volume: Any) -> Object:
    target = pod("web-0", OWNER)
    target["spec"]["volumes"] = [{"name": "scratch", **volume}]
    return target


def test_the_pod_is_evicted_and_that_cannot_be_taken_back() -> None:
    step = plan(EVICT, pod("web-0", OWNER))
    assert (step.verb, step.operations, step.undo.possible, step.risk) == (Verb.EVICT, [], False, Risk.MEDIUM)
    assert step.target.uid == "uid-web-0"
    assert "StatefulSet web makes a new pod" in step.undo.reason


def test_data_on_the_node_is_lost_only_where_the_policy_lets_it_go() -> None:
    assert refusal(EVICT, with_volume(emptyDir={})) == "LocalData"
    assert plan(EVICT, with_volume(emptyDir={}), bounds=Bounds(delete_empty_dir_data=True)).verb is Verb.EVICT
    assert plan(EVICT, with_volume(persistentVolumeClaim={"claimName": "data"})).verb is Verb.EVICT


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (pod(), "NotOwned"),
        (pod("kube-proxy", node()), "StaticPod"),
        (pod("agent", workload("DaemonSet")), "DaemonSetPod"),
        (workload(), "KindNotSupported"),
    ],
)
def test_what_nobody_would_bring_back_elsewhere_is_refused(target: Object, reason: str) -> None:
    assert refusal(EVICT, target) == reason


def test_a_pod_that_is_being_deleted_is_nothing_to_change() -> None:
    target = pod("web-0", OWNER)
    target["metadata"]["deletionTimestamp"] = "2026-03-01T11:59:00Z"
    assert refusal(EVICT, target) == "NothingToChange"
