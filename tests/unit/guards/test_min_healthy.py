"""Enough ready pods stay; mending what does not serve is never held up by that."""

from dataclasses import replace
from typing import Any

import pytest

from incident_commander.api.plan import ActionName
from incident_commander.guards.min_healthy import enough_healthy
from incident_commander.ports import Object
from tests.unit.actions.workloads import node, workload
from tests.unit.guards.scene import pod_scene, policy, scene


def sized(kind: str, replicas: int, ready: int, **spec: Any) -> Object:
    target = workload(kind, spec={"replicas": replicas, **spec})
    target["status"]["readyReplicas"] = ready
    return target


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        (sized("Deployment", 1, 1), True),
        (sized("Deployment", 3, 3), True),
        (sized("Deployment", 3, 3, strategy={"type": "Recreate"}), False),
        (sized("Deployment", 3, 0, strategy={"type": "Recreate"}), True),
        (sized("StatefulSet", 1, 1), False),
        (sized("StatefulSet", 1, 0), True),
        (sized("StatefulSet", 2, 2), False),
        (sized("StatefulSet", 2, 1), True),
        (sized("StatefulSet", 3, 3), True),
    ],
)
def test_a_rollout_may_not_take_ready_pods_below_the_floor(target: Object, allowed: bool) -> None:
    assert enough_healthy(scene(target=target)).allowed is allowed


@pytest.mark.parametrize(
    ("ready", "siblings", "allowed"), [(True, 2, True), (True, 1, False), (True, 0, False), (False, 0, True)]
)
def test_a_ready_pod_is_deleted_only_when_enough_others_serve(ready: bool, siblings: int, allowed: bool) -> None:
    assert enough_healthy(pod_scene(ready=ready, siblings=siblings)).allowed is allowed


def test_the_floor_is_the_policys() -> None:
    strict = policy(limits={"minHealthyPercent": 100})
    assert enough_healthy(pod_scene(ready=True, siblings=9, policy=strict)).reason == "BelowHealthyFloor"
    none = policy(limits={"minHealthyPercent": 0})
    assert enough_healthy(pod_scene(ready=True, siblings=0, policy=none)).allowed


def test_scaling_down_counts_and_scaling_up_does_not() -> None:
    no_hpa: dict[str, list[Object]] = {"horizontalpodautoscalers.autoscaling": []}
    half = policy(limits={"minHealthyPercent": 90})
    for replicas, allowed in (("8", False), ("9", True), ("12", True)):
        given = scene(
            ActionName.SCALE_WORKLOAD,
            sized("Deployment", 10, 10),
            no_hpa,
            parameters={"replicas": replicas},
            policy=half,
        )
        assert enough_healthy(given).allowed is allowed


def test_what_is_not_known_is_not_healthy() -> None:
    blank = workload()
    blank["status"] = {}
    assert enough_healthy(scene(target=blank)).reason == "HealthUnknown"
    assert enough_healthy(replace(pod_scene(), related={})).reason == "HealthUnknown"


def test_cordoning_takes_no_pod() -> None:
    given = scene(ActionName.CORDON_NODE, node(), {"nodes": [node("n2"), node("n3"), node("n4")]})
    assert enough_healthy(given).reason == "NotDisruptive"


@pytest.mark.parametrize("action", [ActionName.EVICT_POD, ActionName.ISOLATE_POD])
@pytest.mark.parametrize(("siblings", "allowed"), [(2, True), (1, False)])
def test_the_floor_holds_however_a_pod_is_taken(action: ActionName, siblings: int, allowed: bool) -> None:
    given = pod_scene(ready=True, siblings=siblings)
    assert enough_healthy(replace(given, step=given.step.model_copy(update={"action": action}))).allowed is allowed


def test_another_environment_rolls_out_as_other_resources_do() -> None:
    given = scene(target=sized("StatefulSet", 1, 1))
    step = given.step.model_copy(update={"action": ActionName.SET_ENV})
    assert enough_healthy(replace(given, step=step)).reason == "BelowHealthyFloor"
