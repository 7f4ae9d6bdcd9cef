"""The API server restarts, Prometheus is away, voices are missing or forged: nothing is lost or guessed."""

from __future__ import annotations

from incident_commander.api import kinds
from tests.controlplane.stub_prometheus import StubPrometheus
from tests.functional.house import House, alert
from tests.functional.operator.case import ALERT, ENDED, Case, remedied_once


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
