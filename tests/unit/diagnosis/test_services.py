"""Services that lead nowhere."""

from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from tests.unit.diagnosis.builders import (
    NOW,
    deployment,
    endpoint_slice,
    evidence,
    incident,
    log,
    merged,
    pod,
    replica_set,
    running,
    service,
    told,
)
from tests.unit.diagnosis.shop import shop


def test_a_selector_that_no_pod_has_is_named_with_the_workload_that_was_meant() -> None:
    web = deployment()
    rs = replica_set(web, "6d4b75cb6d")
    svc = service("web", {"app": "wbe"})
    found = diagnose(evidence(svc, web, rs, pod(rs, "a"), pod(rs, "b"), endpoint_slice(svc)), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 80) == (Cause.SERVICE_SELECTS_NOTHING, True), told(found)
    assert top.object is not None
    assert (top.object.kind, top.facts["selector"]) == ("Service", "app=wbe")
    assert "Deployment/shop/web" in top.summary


def test_a_target_port_by_a_name_that_no_container_has_is_wrong() -> None:
    web = deployment()
    rs = replica_set(web, "6d4b75cb6d")
    svc = service("web", {"app": "web"}, target="grpc")
    found = diagnose(evidence(svc, web, rs, pod(rs, "a"), pod(rs, "b"), endpoint_slice(svc, True)), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 80) == (Cause.SERVICE_WRONG_PORT, True), told(found)
    assert (top.facts["targetPort"], top.facts["containerPorts"]) == ("grpc", "8080")


def test_an_undeclared_port_number_is_only_a_suspicion_until_callers_complain() -> None:
    web, caller = deployment(), deployment("caller", ready=0)
    rs, caller_rs = replica_set(web, "6d4b75cb6d"), replica_set(caller, "5b5c9d7f6c", ready=0)
    svc = service("web", {"app": "web"}, target=9999)
    sick = pod(caller_rs, "a", running("caller", ready=False))
    objects = [web, rs, pod(rs, "a"), pod(rs, "b"), svc, endpoint_slice(svc, True, True), caller, caller_rs, sick]
    quiet = diagnose(evidence(svc, *objects), incident(), NOW)
    assert quiet.hypotheses[0].confidence < 60, told(quiet)
    words = log(sick, "dial tcp 10.96.14.7:80: connect: connection refused", container="caller")
    heard = diagnose(evidence(svc, *objects, logs=[words]), incident(), NOW)
    assert (heard.hypotheses[0].cause, heard.hypotheses[0].confidence >= 75) == (Cause.SERVICE_WRONG_PORT, True), told(
        heard
    )


def test_a_workload_that_is_scaled_to_zero_does_not_make_the_selector_wrong() -> None:
    web = deployment(replicas=0)
    svc = service("web", {"app": "web"})
    found = diagnose(
        evidence(svc, web, replica_set(web, "6d4b75cb6d", replicas=0, ready=0), endpoint_slice(svc)), incident(), NOW
    )
    assert Cause.SERVICE_SELECTS_NOTHING not in {h.cause for h in found.hypotheses}


def test_a_service_of_another_transport_protocol_reaches_nobody() -> None:
    made = shop()
    made.services["orders"]["spec"]["ports"][0]["protocol"] = "UDP"
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.facts["protocol"], top.confidence >= 85) == (
        Cause.SERVICE_PROTOCOL_MISMATCH,
        "UDP",
        True,
    ), told(found)


def test_a_port_that_is_not_declared_beside_one_that_is_reached_is_everyday_life() -> None:
    made = shop()
    metrics = merged(made.services["orders"], {"metadata": {"name": "orders-metrics"}})
    metrics["spec"]["ports"][0] |= {"port": 9113, "targetPort": 9113}
    made.services["orders-metrics"], made.endpoints["orders-metrics"] = metrics, (True,)
    made.services["orders"]["spec"]["ports"].append({"name": "peers", "port": 4369, "protocol": "TCP"})
    assert all(h.confidence < 30 for h in made.diagnose().hypotheses)


def test_the_only_port_of_a_service_that_is_not_declared_is_wrong() -> None:
    made = shop()
    made.services["orders"]["spec"]["ports"][0]["targetPort"] = 8008
    found = made.diagnose()
    assert (found.hypotheses[0].cause, found.hypotheses[0].confidence >= BAR) == (Cause.SERVICE_WRONG_PORT, True), told(
        found
    )


def test_a_target_port_of_an_odd_type_is_passed_over() -> None:
    made = shop()
    made.services["orders"]["spec"]["ports"][0]["targetPort"] = {"number": [8080]}
    assert made.diagnose().hypotheses


def test_a_name_that_does_not_resolve_says_nothing_of_a_port() -> None:
    made = shop()
    made.services["db-metrics"] = merged(made.services["db"], {"metadata": {"name": "db-metrics"}})
    made.services["db-metrics"]["spec"]["ports"][0] |= {"port": 9104, "targetPort": 9104}
    made.endpoints["db-metrics"] = (True,)
    words = "Failed to send spans: db-metrics:9104: unknown host"
    made.logs.append(log(made.pods["orders"], *["INFO served"] * 40, *[words] * 6, container="orders"))
    found = made.diagnose()
    assert all(h.cause is not Cause.SERVICE_WRONG_PORT or h.confidence < BAR for h in found.hypotheses), told(found)
