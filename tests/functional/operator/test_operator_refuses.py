"""On a real API server: what would be refused is not put to the vote, and policies say what they are good for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from incident_commander.api import kinds
from incident_commander.api.meta import format_time
from incident_commander.api.names import LABEL_MANAGED, OPERATOR_NAMESPACE
from incident_commander.surroundings import BREAKER_CONFIG_MAP
from tests.controlplane.stub_prometheus import StubPrometheus
from tests.functional.house import House
from tests.functional.operator.case import Case

pytestmark = pytest.mark.apiserver
MERGE = "application/merge-patch+json"


def ended_unvoted(case: Case) -> dict[str, Any]:
    """The status of an Incident that ended without a vote and without a write."""
    case.fire()
    status: dict[str, Any] = case.await_phase("Escalated", "Closed")["status"]
    case.mend()
    assert status.get("consensus", {}).get("round", 0) == 0, status["message"]
    assert case.patches() == 0
    return status


def test_a_target_that_somebody_opted_out_is_escalated_with_that_reason(
    house: House, prometheus: StubPrometheus
) -> None:
    case = Case(house, prometheus)
    path = kinds.DEPLOYMENT.path(case.namespace, "web")
    house.plane.request("PATCH", path, {"metadata": {"labels": {LABEL_MANAGED: "false"}}}, MERGE)
    assert "OptedOut" in ended_unvoted(case)["message"]


def test_in_a_freeze_window_the_plan_is_recommended_and_the_window_named(
    house: House, prometheus: StubPrometheus
) -> None:
    now = datetime.now(UTC)
    window = {"name": "gala", "from": format_time(now - timedelta(hours=1)), "until": format_time(now + timedelta(9))}
    status = ended_unvoted(Case(house, prometheus, freezeWindows=[window]))
    assert status["outcome"] == "Recommended"
    assert "freeze window gala is on until" in status["message"]
    assert status["plan"]["steps"][0]["action"] == "RollbackRollout"


def test_an_open_breaker_stops_plans_before_the_vote_and_agents_may_read_it(
    house: House, prometheus: StubPrometheus
) -> None:
    body = {"metadata": {"name": BREAKER_CONFIG_MAP}, "data": {"state": "Tripped", "reason": "for a test"}}
    house.plane.request("POST", kinds.CONFIG_MAP.path(OPERATOR_NAMESPACE), body)
    try:
        assert "BreakerTripped" in ended_unvoted(Case(house, prometheus))["message"]
    finally:
        house.plane.request("DELETE", kinds.CONFIG_MAP.path(OPERATOR_NAMESPACE, BREAKER_CONFIG_MAP))


def test_a_policy_says_whether_it_is_understood_and_what_it_is_good_for(
    house: House, prometheus: StubPrometheus
) -> None:
    house.policy("acts", "nowhere")
    house.policy(
        "wrong-window", "nowhere", freezeWindows=[{"name": "w", "schedule": "0 25 * * *", "durationMinutes": 5}]
    )
    elsewhere = {"namespaces": ["nowhere-else"], "kinds": ["Deployment"]}
    house.policy("nothing", "nowhere-else", actions=["CordonNode"], match=elsewhere)

    def conditions(name: str) -> dict[str, tuple[str, str, str]]:
        found = house.plane.request("GET", kinds.REMEDIATION_POLICY.path(None, name))
        status = found.get("status") or {}
        if status.get("observedGeneration") != found["metadata"]["generation"]:
            return {}
        return {c["type"]: (c["status"], c["reason"], c["message"]) for c in status["conditions"]}

    said: dict[str, Any] = {}
    for name in ("acts", "wrong-window", "nothing"):
        said[name] = house.wait(f"the status of policy {name}", partial(conditions, name), seconds=30)
    assert said["acts"]["Accepted"][:2] == ("True", "Accepted")
    assert said["wrong-window"]["Accepted"][:2] == ("False", "InvalidValue")
    assert "freeze window w" in said["wrong-window"]["Accepted"][2]
    assert said["nothing"]["Effective"][:2] == ("False", "NeverMatches")
