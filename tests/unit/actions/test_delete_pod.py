"""DeletePod: only what a controller brings back."""

from incident_commander.api.plan import ActionName, Verb
from tests.unit.actions.workloads import node, plan, pod, refusal, workload

DELETE = ActionName.DELETE_POD
OWNER = workload("StatefulSet")


def test_the_pod_is_deleted_and_that_cannot_be_taken_back() -> None:
    target = pod("web-0", OWNER)
    step = plan(DELETE, target, {"pods": [target, pod("web-1", OWNER), pod("web-2", OWNER, ready=False)]})
    assert (step.verb, step.operations, step.undo.possible) == (Verb.DELETE, [], False)
    assert step.target.uid == "uid-web-0"
    assert "StatefulSet web" in step.undo.reason
    assert "1 other pods of it are ready" in step.summary


def test_the_step_does_not_change_while_other_pods_come_and_go() -> None:
    target = pod("web-0", OWNER)
    alone, many = plan(DELETE, target, {"pods": []}), plan(DELETE, target, {"pods": [pod("web-1", OWNER)]})
    assert alone.model_copy(update={"summary": ""}) == many.model_copy(update={"summary": ""})


def test_a_pod_that_nothing_would_bring_back_is_refused() -> None:
    assert refusal(DELETE, pod(), {"pods": []}) == "NotOwned"


def test_static_pods_are_refused() -> None:
    assert refusal(DELETE, pod("kube-proxy", node()), {"pods": []}) == "StaticPod"
    mirror = pod("web-0", OWNER)
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    assert refusal(DELETE, mirror, {"pods": []}) == "StaticPod"


def test_a_pod_that_is_being_deleted_is_nothing_to_change() -> None:
    target = pod("web-0", OWNER)
    target["metadata"]["deletionTimestamp"] = "2026-03-01T11:59:00Z"
    assert refusal(DELETE, target, {"pods": []}) == "NothingToChange"


def test_other_kinds_are_refused() -> None:
    assert refusal(DELETE, workload(), {"pods": []}) == "KindNotSupported"
    assert refusal(DELETE, pod("web-0", OWNER), {}) == "NotObserved"
