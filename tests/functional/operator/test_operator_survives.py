"""Processes are killed, the API server restarts, Prometheus is away: nothing is lost or done twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from incident_commander.api import kinds
from tests.controlplane.stub_prometheus import StubPrometheus
from tests.functional.house import COMPONENTS, House, alert
from tests.functional.operator.case import ALERT, ENDED, Case

WORKERS = tuple(name for name in COMPONENTS if name != "gateway")
AGENTS = tuple(name for name in COMPONENTS if name.startswith("agent-"))


def remedied_once(case: Case) -> None:
    incident = case.end()
    status = incident["status"]
    assert (status["phase"], status.get("outcome")) == ("Resolved", "Remediated"), status["message"]
    assert case.image() == "app:1"
    assert case.patches() == 1


def test_an_alert_becomes_a_verified_fix(house: House, prometheus: StubPrometheus) -> None:
    case = Case(house, prometheus)
    case.fire()
    remedied_once(case)


@pytest.mark.parametrize("phase", ["Diagnosing", "Voting", "Executing", "Verifying"])
def test_everything_is_killed_in_every_phase_and_carries_on(
    house: House, prometheus: StubPrometheus, phase: str
) -> None:
    # The component that would move it on is away, so that the phase is met for sure.
    absent = {"Diagnosing": "agent-diagnosis", "Voting": "agent-verification", "Executing": "executor"}.get(phase)
    required = {"consensus": {"requiredRoles": ["verification"]}} if phase == "Voting" else {}
    case = Case(house, prometheus, **required)
    if absent is not None:
        house.kill(absent)
    case.fire()
    case.await_phase(phase)
    house.kill(*(name for name in WORKERS if name != absent))
    house.start(*WORKERS)
    remedied_once(case)


@pytest.mark.parametrize(
    "victims", [("coordinator",), ("executor",), AGENTS], ids=["coordinator", "executor", "agents"]
)
def test_a_part_that_is_killed_right_after_the_alert_is_restarted_and_carries_on(
    house: House, prometheus: StubPrometheus, victims: Sequence[str]
) -> None:
    case = Case(house, prometheus)
    case.fire()
    house.kill(*victims)
    house.start(*victims)
    remedied_once(case)


def test_an_api_server_that_restarts_in_the_middle_loses_nothing(house: House, prometheus: StubPrometheus) -> None:
    case = Case(house, prometheus)
    case.fire()
    case.await_phase("Diagnosing", "Planning", "Voting", "Executing", "Verifying")
    house.plane.restart_apiserver()
    remedied_once(case)


def test_an_alert_that_is_sent_again_changes_nothing(house: House, prometheus: StubPrometheus) -> None:
    case = Case(house, prometheus, mode="Observe")
    prometheus.firing.add((ALERT, case.namespace, "web"))
    one = alert(ALERT, case.namespace, "web")
    house.post([one], group_key=case.namespace)
    before = case.await_phase(*ENDED)
    house.post([one], group_key=case.namespace)
    after = house.incident(case.namespace)
    case.mend()
    assert after is not None
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert (case.patches(), after["status"]["outcome"]) == (0, "Recommended")


def test_without_prometheus_a_fix_is_never_called_proven(house: House, prometheus: StubPrometheus) -> None:
    case = Case(house, prometheus)
    case.fire()
    prometheus.broken = True
    try:
        incident = case.await_phase(*ENDED)
    finally:
        prometheus.broken = False
        case.mend()
    assert incident["status"]["outcome"] != "Remediated", incident["status"]["message"]
    assert incident["status"]["phase"] == "Escalated"


def test_a_statement_signed_by_nobody_that_is_known_does_not_count(house: House, prometheus: StubPrometheus) -> None:
    case = Case(house, prometheus)
    house.kill("agent-detection", "agent-prediction", "agent-communication")
    try:
        case.fire()
        incident = case.await_phase("Voting")
        forged = incident["metadata"]["annotations"]["incidentcommander.io/diagnosis-statement"]
        patch = {"metadata": {"annotations": {"incidentcommander.io/detection-vote": forged}}}
        path = kinds.INCIDENT.path(case.namespace, incident["metadata"]["name"])
        house.plane.request("PATCH", path, patch, "application/merge-patch+json")
        ended = case.await_phase(*ENDED, seconds=240)
    finally:
        house.start("agent-detection", "agent-prediction", "agent-communication")
        case.mend()
    assert (ended["status"]["phase"], case.patches()) == ("Escalated", 0)
