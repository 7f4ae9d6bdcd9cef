"""The right object, in a namespace that the Incident may reach."""

from dataclasses import replace

from incident_commander.api.plan import ActionName
from incident_commander.guards.scope import in_scope
from tests.unit.actions.workloads import node, workload
from tests.unit.guards.scene import incident, scene


def test_its_own_namespace_is_in_scope() -> None:
    assert in_scope(scene()).allowed


def test_another_namespace_is_only_for_incidents_of_the_operator() -> None:
    elsewhere = scene(incident=incident(namespace="other"))
    assert in_scope(elsewhere).reason == "OtherNamespace"
    assert in_scope(replace(elsewhere, incident=incident(namespace="incident-commander"))).allowed


def test_nodes_are_only_for_incidents_of_the_operator() -> None:
    given = scene(ActionName.CORDON_NODE, node(), {"nodes": [node("n2"), node("n3"), node("n4")]})
    assert in_scope(given).reason == "OtherNamespace"
    assert in_scope(replace(given, incident=incident(namespace="incident-commander"))).allowed


def test_another_incarnation_name_or_kind_is_refused() -> None:
    given = scene()
    assert in_scope(replace(given, target=workload(uid="new"))).reason == "TargetReplaced"
    assert in_scope(replace(given, target=workload(name="other"))).reason == "WrongTarget"
    assert in_scope(replace(given, target=workload("StatefulSet"))).reason == "WrongTarget"
    assert in_scope(replace(given, target={**given.target, "kind": "Secret"})).reason == "KindNotAllowed"


def test_a_step_that_pins_no_incarnation_is_refused() -> None:
    given = scene()
    loose = given.step.model_copy(update={"target": given.step.target.model_copy(update={"uid": None})})
    assert in_scope(replace(given, step=loose)).reason == "TargetNotPinned"
