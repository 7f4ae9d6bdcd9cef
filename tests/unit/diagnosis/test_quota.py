"""Pods that a quota refuses."""

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import NOW, deployment, event, evidence, incident, meta, pod, replica_set, told

REFUSED = (
    'Error creating: pods "web-6d4b75cb6d-zzzzz" is forbidden: exceeded quota: team, '
    "requested: limits.memory=256Mi, used: limits.memory=512Mi, limited: limits.memory=512Mi"
)


def quota() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": meta("team"),
        "spec": {"hard": {"limits.memory": "512Mi"}},
        "status": {"hard": {"limits.memory": "512Mi"}, "used": {"limits.memory": "512Mi"}},
    }


def test_the_quota_is_the_object_and_its_figures_are_facts() -> None:
    web = deployment(replicas=3, ready=2)
    web["status"] |= {"replicas": 2, "updatedReplicas": 2}
    rs = replica_set(web, "6d4b75cb6d", replicas=3)
    objects = [rs, pod(rs, "a"), pod(rs, "b"), quota(), event(rs, "FailedCreate", REFUSED)]
    found = diagnose(evidence(web, *objects), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 85) == (Cause.QUOTA_EXCEEDED, True), told(found)
    assert top.object is not None
    assert (top.object.kind, top.facts["quota"], top.facts["resource"]) == ("ResourceQuota", "team", "limits.memory")
    assert top.facts["hard"] == "limits.memory=512Mi"


def test_a_refusal_that_was_overcome_is_history() -> None:
    web = deployment()
    rs = replica_set(web, "6d4b75cb6d")
    objects = [rs, pod(rs, "a"), pod(rs, "b"), quota(), event(rs, "FailedCreate", REFUSED, age=1800)]
    found = diagnose(evidence(web, *objects), incident(), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses), told(found)
