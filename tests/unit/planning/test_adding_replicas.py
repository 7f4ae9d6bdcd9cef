"""The built-in runbook for replicas that are all throttled: after a higher limit, in the policy, never past an HPA."""

from __future__ import annotations

from typing import Any

import pytest

from incident_commander.api.causes import Cause
from incident_commander.api.plan import ActionName
from incident_commander.planning.planner import Candidates
from incident_commander.planning.runbooks import builtin_runbooks
from incident_commander.ports import Object
from tests.unit.planning.case import FACTS, find, hypothesis, policy, situation, situations

REPLICAS = {"replicas": "3", "suggestedReplicas": "6"}
LIMIT, SHARE, ASK = [ActionName.SET_RESOURCES], [ActionName.SCALE_WORKLOAD], [ActionName.ESCALATE]


def planned(
    facts: dict[str, str], *, hpas: tuple[Object, ...] = (), tried: tuple[str, ...] = (), **spec: Any
) -> Candidates:
    allowed = {"actions": ["SetResources", "ScaleWorkload", "Escalate"], **spec}
    read: dict[str, Any] = {"horizontalpodautoscalers.autoscaling": list(hpas)}
    return find(
        *builtin_runbooks(),
        hypotheses=[hypothesis(Cause.CPU_THROTTLED, 80, facts={**FACTS, **facts})],
        situations=situations(situation(**read)),
        policy=policy(**allowed),
        tried=set(tried),
    )


def actions(found: Candidates) -> list[list[ActionName]]:
    return [[step.action for step in plan.steps] for plan in found.plans]


def test_a_higher_limit_comes_first_then_replicas_that_share_the_load_then_people() -> None:
    found = planned(REPLICAS)
    assert actions(found) == [LIMIT, SHARE, ASK], found.message
    share = found.plans[1]
    assert "to 6 replicas" in share.summary
    assert share.steps[0].undo.possible
    assert actions(planned(REPLICAS, tried=("raise-cpu-limit",))) == [SHARE, ASK]


def test_a_limit_beyond_the_policy_leaves_the_replicas() -> None:
    assert actions(planned(REPLICAS, limits={"maxCPU": "600m"}))[0] == SHARE
    assert actions(planned(REPLICAS, actions=["ScaleWorkload", "Escalate"]))[0] == SHARE


@pytest.mark.parametrize(
    ("facts", "more", "reason"),
    [
        ({}, {}, "MissingFact"),
        (REPLICAS, {"limits": {"maxReplicas": 5}}, "AboveBound"),
        (REPLICAS, {"hpas": ({"metadata": {"name": "web"}},)}, "ScaledByHPA"),
    ],
    ids=["not all of them are throttled", "more than the policy allows", "an autoscaler"],
)
def test_else_people_are_asked_and_told_why(facts: dict[str, str], more: dict[str, Any], reason: str) -> None:
    found = planned(facts, **{"actions": ["ScaleWorkload", "Escalate"], **more})
    assert actions(found) == [ASK]
    assert f"add-replicas: {reason}" in found.message
