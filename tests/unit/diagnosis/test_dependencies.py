"""A dependency is down, and is named."""

import pytest

from incident_agents.diagnosis.addresses import Address, addresses
from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    container,
    crash_looping,
    deployment,
    ended,
    endpoint_slice,
    evidence,
    incident,
    log,
    pod,
    replica_set,
    running,
    service,
    template,
    told,
    waiting,
)


def shop(*, store_status: Object, store_ready: bool, caller_status: Object) -> tuple[Object, list[Object], Object]:
    web = deployment(ready=0, template=template("web", container(env=[{"name": "STORE", "value": "store:6379"}])))
    store = deployment("store", replicas=1, ready=int(store_ready), template=template("store", container("store")))
    web_rs, store_rs = replica_set(web, "6d4b75cb6d", ready=0), replica_set(store, "84c7d9b7f5", replicas=1)
    svc = service("store", {"app": "store"}, port=6379)
    sick = pod(web_rs, "abcde", caller_status)
    phase = "Running" if "running" in store_status["state"] else "Pending"
    behind = pod(store_rs, "fghij", store_status, phase=phase)
    return web, [web_rs, store, store_rs, svc, endpoint_slice(svc, store_ready), sick, behind], sick


def test_a_dependency_without_ready_endpoints_explains_the_crash_of_who_needs_it() -> None:
    web, objects, sick = shop(
        store_status=running("store", ready=False), store_ready=False, caller_status=crash_looping(code=1)
    )
    words = ["dial tcp: connect to store:6379: connection refused", "Error: connect ECONNREFUSED store:6379"]
    found = diagnose(evidence(web, *objects, logs=[log(sick, *words, previous=True)]), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts["dependency"], top.confidence >= 75) == (Cause.DEPENDENCY_DOWN, "store", True), told(
        found
    )
    assert top.object is not None
    assert (top.object.kind, top.object.name) == ("Deployment", "store")
    assert Cause.CRASH_LOOP in {h.cause for h in found.hypotheses[1:]}


def test_what_is_wrong_with_the_dependency_itself_stands_above_it() -> None:
    web, objects, sick = shop(
        store_status=waiting("InvalidImageName", name="store"), store_ready=False, caller_status=crash_looping(code=1)
    )
    words = log(sick, "redis.exceptions.ConnectionError: Error 111 connecting to store:6379. Connection refused.")
    found = diagnose(evidence(web, *objects, logs=[words]), incident(), NOW)
    assert [h.cause for h in found.hypotheses[:2]] == [Cause.IMAGE_NOT_FOUND, Cause.DEPENDENCY_DOWN], told(found)
    assert found.hypotheses[0].object is not None
    assert found.hypotheses[0].object.name == "store"


def test_a_leaking_dependency_stands_above_it_too() -> None:
    web, objects, sick = shop(
        store_status=crash_looping("store", last=ended(137, "OOMKilled", lived=3)),
        store_ready=False,
        caller_status=running(ready=False),
    )
    objects[-1]["status"]["phase"] = "Running"
    found = diagnose(evidence(web, *objects, logs=[log(sick, "cannot connect to store:6379")]), incident(), NOW)
    assert found.hypotheses[0].cause is Cause.MEMORY_LIMIT_TOO_LOW, told(found)


def test_errors_about_a_service_that_has_ready_endpoints_are_no_confident_cause() -> None:
    web, objects, sick = shop(store_status=running("store"), store_ready=True, caller_status=crash_looping(code=1))
    words = log(sick, "connect to store:6379: connection refused", previous=True)
    found = diagnose(evidence(web, *objects, logs=[words]), incident(), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses if h.cause is Cause.DEPENDENCY_DOWN), told(found)


def test_without_logs_the_environment_names_the_dependency_with_less_confidence() -> None:
    web, objects, _ = shop(
        store_status=running("store", ready=False), store_ready=False, caller_status=running(ready=False)
    )
    found = diagnose(evidence(web, *objects), incident(), NOW)
    named = next(h for h in found.hypotheses if h.cause is Cause.DEPENDENCY_DOWN)
    assert (named.facts["dependency"], 40 <= named.confidence < 60) == ("store", True), told(found)


def test_last_words_about_a_host_outside_of_the_namespace_name_it_and_ask_for_no_action() -> None:
    web = deployment(ready=0)
    rs = replica_set(web, "6d4b75cb6d", ready=0)
    sick = pod(rs, "abcde", crash_looping(code=1))
    words = log(sick, "FATAL: dial tcp: lookup ledger.partner.example: no such host", previous=True)
    found = diagnose(evidence(web, rs, sick, logs=[words]), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.object, top.facts["dependency"]) == (Cause.DEPENDENCY_DOWN, None, "ledger.partner.example")
    assert 50 <= top.confidence < 60, told(found)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dial tcp 10.96.14.7:6379: connect: connection refused", [Address("10.96.14.7", 6379)]),
        ("dial tcp: lookup store.shop.svc on 10.96.0.10:53: no such host", [Address("store.shop.svc", None)]),
        ("Error: getaddrinfo ENOTFOUND store", [Address("store", None)]),
        ("connect ECONNREFUSED 10.96.14.7:5432", [Address("10.96.14.7", 5432)]),
        (
            'Get "http://store:8080/x": dial tcp 10.96.14.7:8080: i/o timeout',
            [Address("store", 8080), Address("10.96.14.7", 8080)],
        ),
        ("read tcp 10.244.0.9:41234->10.96.14.7:6379: read: connection reset by peer", [Address("10.96.14.7", 6379)]),
        ("connection refused by localhost:8080", []),
        ("client.go:214: connection refused", []),
        ("GET http://store:8080/ 200 OK", []),
        ("postgres://user:secret@db:5432/x could not connect", [Address("db", 5432)]),
    ],
)
def test_hosts_are_read_only_from_lines_about_failed_connections(line: str, expected: list[Address]) -> None:
    assert addresses(line) == expected
