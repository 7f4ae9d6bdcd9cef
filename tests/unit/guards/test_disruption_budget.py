"""PodDisruptionBudgets, as the eviction API would judge them, and for rollouts as well."""

from dataclasses import replace
from typing import Any

import pytest

from incident_commander.api.plan import ActionName
from incident_commander.guards.disruption_budget import within_disruption_budgets
from incident_commander.ports import Object
from tests.unit.actions.workloads import node, workload
from tests.unit.guards.scene import PDBS, pod_scene, scene

APP: dict[str, Any] = {"matchLabels": {"app": "web"}}


def budget(allowed: int, *, healthy: int = 3, wanted: int = 2, selector: Any = APP, **spec: Any) -> Object:
    return {
        "kind": "PodDisruptionBudget",
        "metadata": {"namespace": "shop", "name": "web", "generation": 1},
        "spec": {"selector": selector, **spec},
        "status": {
            "observedGeneration": 1,
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": wanted,
        },
    }


class TestDeletingAPod:
    @pytest.mark.parametrize(
        ("ready", "phase", "pdb", "allowed"),
        [
            (True, "Running", budget(1), True),
            (True, "Running", budget(0), False),
            (False, "Running", budget(0, healthy=2, wanted=2), True),
            (False, "Running", budget(0, healthy=1, wanted=2), False),
            (False, "Running", budget(0, healthy=1, wanted=2, unhealthyPodEvictionPolicy="AlwaysAllow"), True),
            (True, "Running", budget(0, healthy=1, wanted=2, unhealthyPodEvictionPolicy="AlwaysAllow"), False),
            (False, "Pending", budget(0, healthy=1, wanted=2), True),
        ],
    )
    def test_it_is_judged_as_an_eviction(self, ready: bool, phase: str, pdb: Object, allowed: bool) -> None:
        assert within_disruption_budgets(pod_scene(ready=ready, phase=phase, pdbs=[pdb])).allowed is allowed

    def test_every_budget_that_applies_must_allow_it(self) -> None:
        assert not within_disruption_budgets(pod_scene(ready=True, pdbs=[budget(1), budget(0)])).allowed


@pytest.mark.parametrize(
    ("selector", "applies"),
    [
        (APP, True),
        ({}, True),
        (None, False),
        ({"matchLabels": {"app": "other"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "x"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Approximately"}]}, True),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
    ],
)
def test_the_selector_decides_whether_it_applies(selector: Any, applies: bool) -> None:
    given = pod_scene(ready=True, pdbs=[budget(0, selector=selector)])
    assert within_disruption_budgets(given).allowed is not applies


def test_a_budget_of_another_namespace_does_not_apply() -> None:
    other = budget(0)
    other["metadata"]["namespace"] = "elsewhere"
    assert within_disruption_budgets(pod_scene(ready=True, pdbs=[other])).allowed


class TestRollouts:
    def test_ready_pods_are_not_taken_below_what_the_budget_wants(self) -> None:
        given = scene(target=workload("StatefulSet"), related={PDBS: [budget(0, wanted=3)]})
        assert within_disruption_budgets(given).reason == "DisruptionBudgetSpent"
        given = scene(target=workload("StatefulSet"), related={PDBS: [budget(1, wanted=2)]})
        assert within_disruption_budgets(given).allowed

    def test_a_rollout_that_takes_no_ready_pod_is_what_mends_a_spent_budget(self) -> None:
        target = workload("StatefulSet")
        target["status"]["readyReplicas"] = 2
        given = scene(target=target, related={PDBS: [budget(0, healthy=2, wanted=3)]})
        assert within_disruption_budgets(given).allowed


def test_what_is_not_known_is_a_refusal() -> None:
    assert within_disruption_budgets(replace(scene(), related={})).reason == "DisruptionBudgetsUnknown"
    stale = budget(3)
    stale["metadata"]["generation"] = 2
    assert within_disruption_budgets(pod_scene(pdbs=[stale])).reason == "DisruptionBudgetsUnknown"


def test_cordoning_disrupts_nothing() -> None:
    given = scene(ActionName.CORDON_NODE, node(), {"nodes": [node("n2"), node("n3"), node("n4")]})
    assert within_disruption_budgets(replace(given, related={})).allowed


@pytest.mark.parametrize("action", [ActionName.EVICT_POD, ActionName.ISOLATE_POD])
def test_whatever_takes_one_pod_is_judged_as_an_eviction(action: ActionName) -> None:
    for pdb, allowed in ((budget(1), True), (budget(0), False)):
        given = pod_scene(ready=True, pdbs=[pdb])
        step = given.step.model_copy(update={"action": action})
        assert within_disruption_budgets(replace(given, step=step)).allowed is allowed


def test_the_api_server_evicts_no_pod_of_several_budgets() -> None:
    given = pod_scene(ready=True, pdbs=[budget(1), {**budget(1), "metadata": {**budget(1)["metadata"], "name": "b"}}])
    assert within_disruption_budgets(given).allowed
    evicted = given.step.model_copy(update={"action": ActionName.EVICT_POD})
    assert within_disruption_budgets(replace(given, step=evicted)).reason == "SeveralDisruptionBudgets"
