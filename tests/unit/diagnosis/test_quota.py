"""Pods that a quota refuses."""

from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import NOW, deployment, event, evidence, incident, meta, pod, replica_set, told
from tests.unit.diagnosis.fleet import STORE, at, fleet, has_env, speaks
from tests.unit.diagnosis.shop import shop

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


def used_up(resource: str, hard: str, used: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": meta("counts"),
        "spec": {"hard": {resource: hard}},
        "status": {"hard": {resource: hard}, "used": {resource: used}},
    }


def test_a_quota_of_services_explains_a_service_that_others_call_and_that_is_missing() -> None:
    made = shop()
    del made.services["orders"]
    made.more.append(used_up("services", "2", "2"))
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.facts["resource"], top.confidence >= 85) == (Cause.QUOTA_EXCEEDED, "services", True), told(
        found
    )


def test_a_quota_of_services_explains_a_second_service_of_a_store_that_several_call_and_that_is_missing() -> None:
    made = fleet()
    made.more.append(used_up("services", "12", "12"))
    for name in ("fleet-ticket", "fleet-seat", "fleet-wallet"):
        has_env(made, name, DB_HOST=f"{STORE}-standby", DB_PORT="3306")
        speaks(made, name, at(f"java.net.UnknownHostException: {STORE}-standby"))
    found = made.diagnose()
    assert found.hypotheses[0].cause is Cause.QUOTA_EXCEEDED, told(found)
    assert all(h.confidence < BAR for h in found.hypotheses[1:]), told(found)


def test_a_quota_of_services_that_is_used_up_does_not_explain_one_callers_wrong_host() -> None:
    made = fleet()
    made.more.append(used_up("services", "12", "12"))
    has_env(made, "fleet-ticket", DB_HOST=f"{STORE}-leaders", DB_PORT="3306")
    speaks(made, "fleet-ticket", at(f"java.net.UnknownHostException: {STORE}-leaders"))
    assert made.diagnose().hypotheses[0].cause is Cause.DEPENDENCY_ADDRESS_WRONG, told(made.diagnose())


def test_a_quota_of_storage_explains_a_claim_that_is_missing() -> None:
    made = shop()
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "db-data"}}]
    waits = made.pods["db"]
    waits["spec"] |= {"volumes": volumes}
    waits["spec"].pop("nodeName")
    message = '0/2 nodes are available: persistentvolumeclaim "db-data" not found.'
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    waits["status"] = {"phase": "Pending", "conditions": [condition]}
    made.without_endpoints("db")
    made.more.append(used_up("requests.storage", "1Gi", "0"))
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.facts["resource"]) == (Cause.QUOTA_EXCEEDED, "requests.storage"), told(found)


def test_a_quota_with_room_is_no_cause() -> None:
    made = shop()
    made.more.append(used_up("services", "10", "3"))
    assert all(h.confidence < 50 for h in made.diagnose().hypotheses)
