"""Namespaces that are deleted and stay."""

from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.evidence.evidence import Evidence
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import NOW, NS, ago, told
from tests.unit.diagnosis.shop import shop

STUCK = {
    "type": "NamespaceFinalizersRemaining",
    "status": "True",
    "reason": "SomeFinalizersRemain",
    "message": "Some content in the namespace has finalizers remaining: example.com/cleanup in 1 resource instances",
}


def namespace(phase: str, *conditions: dict[str, str], name: str = NS) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "uid": "uid-ns",
            "deletionTimestamp": ago(minutes=9),
            "creationTimestamp": ago(days=9),
        },
        "status": {"phase": phase, "conditions": list(conditions)},
    }


def test_what_keeps_it_is_the_reason() -> None:
    made = shop()
    made.more.append(namespace("Terminating", STUCK))
    top = made.diagnose().hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.NAMESPACE_TERMINATING, "Namespace/shop")
    assert "example.com/cleanup" in top.facts["reason"]


def test_one_that_is_there_to_stay_is_no_finding() -> None:
    made = shop()
    made.more.append(namespace("Active"))
    found = made.diagnose()
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)


def test_asked_about_it_is_the_answer_although_its_workloads_have_gone_already() -> None:
    gone = {"namespaces": (namespace("Terminating", STUCK),), "pods": (), "deployments.apps": ()}
    found = diagnose(Evidence(target=None, captured_at=NOW, objects=gone, namespace=NS), None, NOW)
    assert found.hypotheses[0].cause is Cause.NAMESPACE_TERMINATING
    assert found.hypotheses[0].confidence >= BAR
