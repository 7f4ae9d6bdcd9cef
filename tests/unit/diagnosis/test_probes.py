"""A probe that asks wrongly, told from an application that does not answer."""

from typing import Any

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.evidence.evidence import Evidence, Log
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    container,
    deployment,
    ended,
    event,
    evidence,
    incident,
    log,
    pod,
    replica_set,
    running,
    template,
    told,
)

HTTP = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10, "failureThreshold": 3}
REFUSED = 'Get "http://10.244.1.17:8080/healthz": dial tcp 10.244.1.17:8080: connect: connection refused'


def not_ready(
    why: str, probe: dict[str, Any], *, before: dict[str, Any] | None = None, lines: list[str] | None = None
) -> Evidence:
    """The readiness probe of a container that runs has failed for a while."""
    web = deployment(ready=0, revision=2, template=template("web", container(readinessProbe=probe)))
    objects: list[Object] = []
    new = replica_set(web, "7f9c8d5b44", revision=2, ready=0, age=900)
    if before is not None:
        old = template("web", container(readinessProbe=before))
        objects.append(replica_set(web, "6d4b75cb6d", revision=1, replicas=0, ready=0, template=old))
    sick = pod(new, "abcde", running(ready=False, age=890))
    failed = event(sick, "Unhealthy", f"Readiness probe failed: {why}", container="web", count=80)
    logs: list[Log] = [log(sick, *lines)] if lines else []
    return evidence(web, *objects, new, sick, failed, logs=logs)


@pytest.mark.parametrize(
    ("why", "probe", "cause", "problem"),
    [
        ("HTTP probe failed with statuscode: 404", HTTP, Cause.PROBE_MISCONFIGURED, "Path"),
        ("HTTP probe failed with statuscode: 503", HTTP, Cause.APP_NOT_ANSWERING, None),
        (
            'Get "https://10.244.1.17:8080/": http: server gave HTTP response to HTTPS client',
            HTTP,
            Cause.PROBE_MISCONFIGURED,
            "Protocol",
        ),
        (
            'Get "http://10.244.1.17:8080/": net/http: HTTP/1.x transport connection broken: malformed HTTP"',
            HTTP,
            Cause.PROBE_MISCONFIGURED,
            "Protocol",
        ),
        (
            "dial tcp 10.244.1.17:9999: connect: connection refused",
            {"tcpSocket": {"port": 9999}},
            Cause.PROBE_MISCONFIGURED,
            "Port",
        ),
        (REFUSED, HTTP, Cause.APP_NOT_ANSWERING, None),
        (
            'Get "http://10.244.1.17:8080/healthz": context deadline exceeded (Client.Timeout exceeded)',
            HTTP,
            Cause.APP_NOT_ANSWERING,
            None,
        ),
    ],
)
def test_the_kubelets_words_tell_a_wrong_question_from_silence(
    why: str, probe: dict[str, Any], cause: Cause, problem: str | None
) -> None:
    found = diagnose(not_ready(why, probe), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts.get("problem"), top.confidence >= 60) == (cause, problem, True), told(found)


def test_a_log_that_names_another_port_makes_the_probe_wrong() -> None:
    found = diagnose(not_ready(REFUSED, HTTP, lines=["INFO server listening on 0.0.0.0:9090"]), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts["problem"]) == (Cause.PROBE_MISCONFIGURED, "Port"), told(found)
    assert "9090" in top.summary


BAD_REQUEST = "HTTP probe failed with statuscode: 400"


@pytest.mark.parametrize(
    "line",
    [
        "http: TLS handshake error from 10.0.0.1:53331: client sent an HTTP request to an HTTPS server",
        "[info] 29#29: *1 client sent plain HTTP request to HTTPS port while reading client request headers",
        "ssl.SSLError: [SSL: HTTP_REQUEST] http request (_ssl.c:1007)",
        "io.netty.handler.ssl.NotSslRecordException: not an SSL/TLS record: 474554202f",
        "javax.net.ssl.SSLException: Unrecognized SSL message, plaintext connection?",
    ],
)
def test_plain_http_to_a_port_that_takes_tls_is_the_wrong_protocol(line: str) -> None:
    found = diagnose(not_ready(BAD_REQUEST, HTTP, lines=[line, line]), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts["problem"]) == (Cause.PROBE_MISCONFIGURED, "Protocol"), told(found)


def test_a_bad_request_alone_is_the_applications_answer() -> None:
    found = diagnose(not_ready(BAD_REQUEST, HTTP, lines=["GET /healthz 400 missing tenant"]), incident(), NOW)
    assert found.hypotheses[0].cause is Cause.APP_NOT_ANSWERING, told(found)


def test_a_log_that_names_the_port_keeps_the_blame_with_the_application() -> None:
    found = diagnose(not_ready(REFUSED, HTTP, lines=["listening on :8080", "deadlock detected"]), incident(), NOW)
    assert found.hypotheses[0].cause is Cause.APP_NOT_ANSWERING, told(found)


def test_a_rollout_that_changed_nothing_but_the_probe_is_blamed() -> None:
    tight = HTTP | {"timeoutSeconds": 1, "httpGet": {"path": "/deep", "port": 8080, "scheme": "HTTP"}}
    slow = 'Get "http://10.244.1.17:8080/deep": context deadline exceeded'
    found = diagnose(not_ready(slow, tight, before=HTTP), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts["problem"], top.confidence >= 85) == (Cause.PROBE_MISCONFIGURED, "Path", True), told(
        found
    )


def test_a_liveness_probe_that_kills_before_the_start_is_over_is_too_impatient() -> None:
    probe = HTTP | {"initialDelaySeconds": 1, "periodSeconds": 2, "failureThreshold": 2}
    web = deployment(ready=0, template=template("web", container(livenessProbe=probe)))
    rs = replica_set(web, "6d4b75cb6d", ready=0)
    last = ended(137, "Error", lived=6)
    sick = pod(rs, "abcde", running(ready=False, restarts=4, age=5, lastState=last))
    objects = [
        rs,
        sick,
        event(sick, "Unhealthy", f"Liveness probe failed: {REFUSED}", container="web"),
        event(sick, "Killing", "Container web failed liveness probe, will be restarted", kind="Normal"),
    ]
    found = diagnose(evidence(web, *objects, logs=[log(sick, "warming caches 40 %")]), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts["problem"], top.facts["probe"]) == (Cause.PROBE_MISCONFIGURED, "Timing", "liveness")


def test_a_container_that_has_just_started_may_fail_its_readiness_probe() -> None:
    web = deployment(ready=1, template=template("web", container(readinessProbe=HTTP)))
    rs = replica_set(web, "6d4b75cb6d", ready=1)
    young = pod(rs, "abcde", running(ready=False, age=10), age=12)
    failed = event(young, "Unhealthy", f"Readiness probe failed: {REFUSED}", container="web", count=1)
    found = diagnose(evidence(web, rs, pod(rs, "fghij"), young, failed), incident(), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses), told(found)


def test_a_readiness_failure_of_a_pod_that_is_ready_by_now_is_history() -> None:
    web = deployment(template=template("web", container(readinessProbe=HTTP)))
    rs = replica_set(web, "6d4b75cb6d")
    well = pod(rs, "abcde", running())
    failed = event(well, "Unhealthy", f"Readiness probe failed: {REFUSED}", container="web", count=1)
    found = diagnose(evidence(web, rs, well, pod(rs, "fghij"), failed), incident(), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses), told(found)


NO_CONNECTION = (
    'Liveness probe failed: timeout: failed to connect service "10.244.1.17:{port}" within 1s: '
    "context deadline exceeded"
)


def grpc(port: int, **more: int) -> dict[str, Any]:
    return {"grpc": {"port": port}, "periodSeconds": 10, "failureThreshold": 3, **more}


@pytest.mark.parametrize(
    ("liveness", "readiness", "problem"),
    [
        (grpc(9090), grpc(8080), "Port"),
        (grpc(8080), {"httpGet": {"path": "/", "port": 8080}}, "Protocol"),
        (grpc(8080, initialDelaySeconds=1, periodSeconds=1, failureThreshold=1), grpc(8080), "Timing"),
    ],
)
def test_a_grpc_probe_without_a_connection_is_judged_by_what_else_is_known(
    liveness: dict[str, Any], readiness: dict[str, Any], problem: str
) -> None:
    spec = container("web", livenessProbe=liveness, readinessProbe=readiness)
    web = deployment(replicas=1, template=template("web", spec))
    owner = replica_set(web, "6d4b75cb6d", replicas=1)
    failing = pod(owner, "abcde", running("web", restarts=3, age=20, lastState={"terminated": ended(137, "Error")}))
    words = NO_CONNECTION.format(port=liveness["grpc"]["port"])
    events = [
        event(failing, "Unhealthy", words),
        event(failing, "Killing", "Container web failed liveness probe, will be restarted", kind="Normal"),
    ]
    found = diagnose(evidence(web, owner, failing, *events), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts.get("problem"), top.confidence >= 75) == (
        Cause.PROBE_MISCONFIGURED,
        problem,
        True,
    ), told(found)


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (["loading routes: 22 of 96", "loading routes: 58 of 96", "SIGTERM, shutting down"], Cause.PROBE_MISCONFIGURED),
        (["loading routes: 22 of 96", "loading routes: 96 of 96", "waiting"], Cause.APP_NOT_ANSWERING),
        (["served 3 of 5", "nothing to do"], Cause.APP_NOT_ANSWERING),
    ],
)
@pytest.mark.parametrize("previous", [True, False])
def test_a_start_that_was_ended_half_done_wanted_more_time(lines: list[str], cause: Cause, previous: bool) -> None:
    probe = HTTP | {"initialDelaySeconds": 10, "periodSeconds": 10, "failureThreshold": 3}
    web = deployment(ready=0, template=template("web", container(livenessProbe=probe)))
    rs = replica_set(web, "6d4b75cb6d", ready=0)
    sick = pod(rs, "abcde", running(ready=False, restarts=4, age=5, lastState=ended(143, "Error", lived=45)))
    objects = [
        rs,
        sick,
        event(sick, "Unhealthy", f"Liveness probe failed: {REFUSED}", container="web"),
        event(sick, "Killing", "Container web failed liveness probe, will be restarted", kind="Normal"),
    ]
    found = diagnose(evidence(web, *objects, logs=[log(sick, *lines, previous=previous)]), incident(), NOW)
    assert found.hypotheses[0].cause is cause, told(found)
