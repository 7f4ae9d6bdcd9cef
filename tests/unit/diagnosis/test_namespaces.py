"""Namespaces that are deleted and stay."""

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import NS, ago, told
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
