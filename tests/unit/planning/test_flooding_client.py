"""The built-in runbook against a flooding client: a plan where it is named and enforcement is known, people else."""

from __future__ import annotations

from typing import Any

import pytest

from incident_commander.api.causes import Cause
from incident_commander.api.plan import ActionName
from incident_commander.planning.planner import Candidates
from incident_commander.planning.runbooks import builtin_runbooks
from tests.unit.planning.case import FACTS, find, hypothesis, policy, situation, situations

CLIENT = {"client": "Deployment/shop/loader", "clientNamespace": "shop", "clientLabel": "app=loader"}
ENFORCED = {"actions": ["LimitTraffic", "Escalate"], "networkPolicies": "Enforced"}


def planned(facts: dict[str, str], **spec: Any) -> Candidates:
    nothing: dict[str, Any] = {"networkpolicies.networking.k8s.io": [], "services": []}
    read = situation(**nothing)
    return find(
        *builtin_runbooks(),
        hypotheses=[hypothesis(Cause.TRAFFIC_SURGE, 92, facts={**FACTS, **facts})],
        situations=situations(read),
        policy=policy(**{**ENFORCED, **spec}),
    )


def actions(found: Candidates) -> list[list[ActionName]]:
    return [[step.action for step in plan.steps] for plan in found.plans]


def test_a_client_that_is_named_is_kept_away_and_people_are_asked_next() -> None:
    found = planned(CLIENT)
    assert actions(found) == [[ActionName.LIMIT_TRAFFIC], [ActionName.ESCALATE]], found.message
    assert "keep the pods app=loader of namespace shop away from Deployment/shop/web" in found.plans[0].summary
    assert found.plans[0].steps[0].undo.possible


@pytest.mark.parametrize(
    ("facts", "spec", "reason"),
    [({}, {}, "MissingFact"), (CLIENT, {"networkPolicies": "Unknown"}, "EnforcementUnknown")],
    ids=["nobody is named", "nobody says that NetworkPolicies are enforced"],
)
def test_else_people_are_asked_and_told_why(facts: dict[str, str], spec: dict[str, Any], reason: str) -> None:
    found = planned(facts, **spec)
    assert actions(found) == [[ActionName.ESCALATE]]
    assert f"limit-flooding-client: {reason}" in found.message
