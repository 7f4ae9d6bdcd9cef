"""Events are gone after an hour, and not in every recording: what objects alone tell of the same troubles."""

from typing import Any

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.image_refs import parsed
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Diagnosis
from incident_commander.evidence.evidence import Evidence
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    IMAGE,
    NOW,
    container,
    crash_looping,
    deployment,
    event,
    evidence,
    incident,
    log,
    meta,
    pod,
    replica_set,
    running,
    service,
    template,
    told,
    waiting,
)
from tests.unit.diagnosis.shop import Shop
from tests.unit.diagnosis.test_network import larger

# Images ---------------------------------------------------------------------------------------------------------------


def pulling(image: str, *others: Object, **spec: Any) -> Diagnosis:
    """A pod waits for its image, beside one that runs another of the same registry."""
    web = deployment(replicas=1, ready=0, template=template("web", container("web", image), **spec))
    owner = replica_set(web, "7f9c8d5b44", replicas=1, ready=0, age=300)
    stuck = pod(owner, "abcde", waiting("ImagePullBackOff"), phase="Pending", age=290)
    api = deployment("api", replicas=1, template=template("api", container("api", IMAGE.replace("/web:", "/api:"))))
    healthy = replica_set(api, "6d4b75cb6d", replicas=1)
    found = evidence(None, web, owner, stuck, api, healthy, pod(healthy, "fghij", running("api")), *others)
    return diagnose(found, incident(), NOW)


@pytest.mark.parametrize(
    ("image", "spec", "cause"),
    [
        (IMAGE.replace("web:1.4.0", "api:1.4.O"), {}, Cause.IMAGE_NOT_FOUND),
        (IMAGE.replace("shop/web", "shopp/web"), {}, Cause.IMAGE_NOT_FOUND),
        ("registry.corp.internal/shop/web:1.4.0", {}, Cause.IMAGE_REGISTRY_UNREACHABLE),
        ("ghcr.io/example/web:1.4.0", {}, Cause.IMAGE_PULL_UNAUTHORIZED),
        ("ngingx", {}, Cause.IMAGE_NOT_FOUND),
        (IMAGE, {"imagePullSecrets": [{"name": "pull"}]}, Cause.IMAGE_PULL_UNAUTHORIZED),
    ],
    ids=["tag", "repository", "private host", "public host, private image", "public image", "pull secret"],
)
def test_the_images_that_run_tell_why_one_cannot_be_pulled(image: str, spec: dict[str, Any], cause: Cause) -> None:
    found = pulling(image, **spec)
    top = found.hypotheses[0]
    assert top.cause is cause, told(found)
    assert BAR <= top.confidence < 80


def test_a_pull_secret_that_exists_is_no_reason() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta("pull")}
    found = pulling(IMAGE.replace("1.4.0", "1.5.0"), secret, imagePullSecrets=[{"name": "pull"}])
    assert found.hypotheses[0].cause is not Cause.IMAGE_PULL_UNAUTHORIZED, told(found)


def test_nor_is_one_that_somebody_who_runs_names_as_well() -> None:
    api = deployment("jobs", replicas=1, template=template("jobs", imagePullSecrets=[{"name": "pull"}]))
    owner = replica_set(api, "6d4b75cb6d", replicas=1)
    found = pulling(IMAGE.replace("1.4.0", "1.5.0"), api, owner, pod(owner, "q"), imagePullSecrets=[{"name": "pull"}])
    assert found.hypotheses[0].cause is not Cause.IMAGE_PULL_UNAUTHORIZED, told(found)


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("nginx", ("docker.io", "nginx", "")),
        ("team/nginx:1.27", ("docker.io", "team/nginx", ":1.27")),
        ("localhost:5000/nginx:1", ("localhost:5000", "nginx", ":1")),
        ("ghcr.io/a/b@sha256:0a", ("ghcr.io", "a/b", "@sha256:0a")),
    ],
)
def test_a_reference_is_read_as_container_runtimes_do(image: str, parts: tuple[str, str, str]) -> None:
    found = parsed(image)
    assert (found.host, found.repository, found.tag) == parts


# Admission ------------------------------------------------------------------------------------------------------------


def never_made(*others: Object, **spec: Any) -> Diagnosis:
    web = deployment(replicas=1, ready=0, template=template("web", **spec))
    owner = replica_set(web, "6d4b75cb6d", replicas=1, ready=0, age=300)
    owner["status"]["replicas"] = 0
    return diagnose(evidence(None, web, owner, *others), incident(), NOW)


def quota(hard: dict[str, str], used: dict[str, str], **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": meta("team"),
        "spec": {"hard": hard, **spec},
        "status": {"hard": hard, "used": used},
    }


@pytest.mark.parametrize(
    ("resource", "hard", "used"),
    [
        ("pods", "4", "4"),
        ("requests.cpu", "1", "950m"),
        ("cpu", "1", "950m"),
        ("limits.memory", "1Gi", "800Mi"),
    ],
)
def test_a_quota_without_room_for_one_more_pod_is_why_none_was_made(resource: str, hard: str, used: str) -> None:
    top = never_made(quota({resource: hard, "services": "9"}, {resource: used, "services": "9"})).hypotheses[0]
    assert top.cause is Cause.QUOTA_EXCEEDED
    assert (str(top.object), top.facts["resource"]) == ("ResourceQuota/shop/team", resource)


def test_a_quota_with_room_or_for_other_pods_is_not() -> None:
    for harmless in (
        quota({"pods": "4"}, {"pods": "3"}),
        quota({"pods": "4"}, {"pods": "4"}, scopes=["BestEffort"]),
    ):
        found = never_made(harmless)
        assert all(h.cause is not Cause.QUOTA_EXCEEDED for h in found.hypotheses), told(found)


def test_an_account_that_does_not_exist_is_why_no_pod_was_made() -> None:
    top = never_made(serviceAccountName="web").hypotheses[0]
    assert (top.cause, top.facts["serviceAccount"]) == (Cause.SERVICE_ACCOUNT_MISSING, "web")
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("web")}
    found = never_made(account, serviceAccountName="web")
    assert all(h.cause is not Cause.SERVICE_ACCOUNT_MISSING for h in found.hypotheses)


def test_replica_sets_that_were_not_read_are_known_by_the_names_in_events() -> None:
    web = deployment(replicas=1, ready=0)
    owner = replica_set(web, "6d4b75cb6d", replicas=1, ready=0)
    said = 'Error creating: pods "web-6d4b75cb6d-" is forbidden: error looking up service account shop/web: '
    refused = event(owner, "FailedCreate", said + 'serviceaccount "web" not found')
    whole = evidence(None, web, refused)
    objects = {resource: found for resource, found in whole.objects.items() if resource != kinds.REPLICA_SET.resource}
    found = diagnose(Evidence(None, NOW, objects), incident(), NOW)
    assert found.hypotheses[0].cause is Cause.SERVICE_ACCOUNT_MISSING, told(found)


# Probes ---------------------------------------------------------------------------------------------------------------


def probed(status: dict[str, Any], *others: Object, lines: tuple[str, ...] = (), **probes: Any) -> Diagnosis:
    web = deployment(replicas=1, ready=0, template=template("web", container("web", **probes)))
    owner = replica_set(web, "6d4b75cb6d", replicas=1, ready=0, age=900)
    made = pod(owner, "abcde", status, age=880)
    logs = [log(made, *lines)] if lines else []
    return diagnose(evidence(None, web, owner, made, *others, logs=logs), incident(), NOW)


def asks(port: int, how: str = "httpGet", **more: Any) -> dict[str, Any]:
    return {how: {"port": port}, "periodSeconds": 10, "failureThreshold": 3, **more}


NOT_READY = running(ready=False, age=600)
KILLED = crash_looping(code=137, restarts=6)


@pytest.mark.parametrize(
    ("status", "probes", "probe", "problem"),
    [
        (NOT_READY, {"readinessProbe": asks(9999)}, "readiness", "Port"),
        (NOT_READY, {"readinessProbe": asks(8080), "livenessProbe": asks(8080, "grpc")}, "readiness", "Protocol"),
        (KILLED, {"livenessProbe": asks(9999)}, "liveness", "Port"),
        (KILLED, {"livenessProbe": asks(8080), "readinessProbe": asks(8080, "grpc")}, "liveness", "Protocol"),
        (KILLED, {"livenessProbe": asks(8080, periodSeconds=1, failureThreshold=1)}, "liveness", "Timing"),
        (KILLED, {"startupProbe": asks(8080, periodSeconds=1, failureThreshold=2)}, "startup", "Timing"),
    ],
)
def test_a_probe_that_must_be_failing_is_judged_by_what_else_is_known(
    status: dict[str, Any], probes: dict[str, Any], probe: str, problem: str
) -> None:
    found = probed(status, **probes)
    top = found.hypotheses[0]
    assert top.cause is Cause.PROBE_MISCONFIGURED, told(found)
    assert (top.facts["probe"], top.facts["problem"]) == (probe, problem)
    assert any(c.path.endswith("lastState.terminated.exitCode") for c in top.evidence) == (probe != "readiness")


def test_a_probe_that_asks_what_everybody_asks_is_not_to_blame() -> None:
    found = probed(NOT_READY, service("web", {"app": "web"}), readinessProbe=asks(8080))
    assert found.hypotheses[0].cause is Cause.APP_NOT_ANSWERING, told(found)


@pytest.mark.parametrize("status", [crash_looping(code=1), crash_looping(code=137, reason="OOMKilled")])
def test_a_container_that_ends_by_itself_was_not_ended_for_its_probe(status: dict[str, Any]) -> None:
    found = probed(status, livenessProbe=asks(9999))
    assert all(h.cause is not Cause.PROBE_MISCONFIGURED for h in found.hypotheses), told(found)


def test_an_application_is_given_the_time_to_start_that_its_probe_gives_it() -> None:
    slow = asks(8080, initialDelaySeconds=120)
    young, old = (probed(running(ready=False, age=age), readinessProbe=slow) for age in (100, 300))
    assert all(h.cause is not Cause.APP_NOT_ANSWERING for h in young.hypotheses), told(young)
    assert old.hypotheses[0].cause is Cause.APP_NOT_ANSWERING, told(old)


def test_where_the_application_says_that_it_listens_outweighs_what_is_declared() -> None:
    found = probed(NOT_READY, lines=("Tomcat started on port(s): 9090 (http)",), readinessProbe=asks(8080))
    assert found.hypotheses[0].cause is Cause.PROBE_MISCONFIGURED, told(found)
    found = probed(NOT_READY, lines=("started consumer of broker:9092",), readinessProbe=asks(8080))
    assert found.hypotheses[0].cause is Cause.APP_NOT_ANSWERING, told(found)


# Starting -------------------------------------------------------------------------------------------------------------


def creating(*others: Object, memory: str = "256Mi", **spec: Any) -> Diagnosis:
    resources = {"limits": {"memory": memory}}
    web = deployment(replicas=1, ready=0, template=template("web", container("web", resources=resources), **spec))
    owner = replica_set(web, "6d4b75cb6d", replicas=1, ready=0, age=300)
    stuck = pod(owner, "abcde", waiting("ContainerCreating"), phase="Pending", age=290)
    return diagnose(evidence(None, web, owner, stuck, *others), incident(), NOW)


def test_a_limit_below_what_runtimes_need_is_why_nothing_is_created() -> None:
    assert creating(memory="4Mi").hypotheses[0].cause is Cause.MEMORY_LIMIT_TOO_LOW
    assert creating(memory="64Mi").hypotheses[0].cause is Cause.UNKNOWN


@pytest.mark.parametrize(
    ("volume", "fact"),
    [
        ({"secret": {"secretName": "tls"}}, {"secret": "tls"}),
        ({"configMap": {"name": "settings"}}, {"configMap": "settings"}),
        ({"projected": {"sources": [{"configMap": {"name": "settings"}}]}}, {"configMap": "settings"}),
    ],
)
def test_a_volume_of_something_that_does_not_exist_is_why_nothing_is_created(
    volume: dict[str, Any], fact: dict[str, str]
) -> None:
    top = creating(volumes=[{"name": "v", **volume}]).hypotheses[0]
    assert top.cause is Cause.CONFIG_MISSING
    assert fact.items() <= top.facts.items()


@pytest.mark.parametrize(
    "volume",
    [
        {"secret": {"secretName": "tls", "optional": True}},
        {"projected": {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}]}},
    ],
)
def test_what_is_optional_or_made_for_every_namespace_is_not_missed(volume: dict[str, Any]) -> None:
    assert creating(volumes=[{"name": "v", **volume}]).hypotheses[0].cause is Cause.UNKNOWN


# The network of Services ----------------------------------------------------------------------------------------------


def cut_off(made: Shop, caller: str, *lines: str) -> None:
    made.logs.append(log(made.pods[caller], *lines * 12, container=caller))


NAME = "dial tcp: lookup {}: no such host"
ADDRESS = "dial tcp {}:7000: i/o timeout"


def test_where_neither_names_nor_addresses_of_services_answer_on_one_node_alone_its_proxying_is_suspected() -> None:
    made = larger()
    address = made.services["search"]["spec"]["clusterIP"]
    cut_off(made, "web", NAME.format("cart"), ADDRESS.format(address))
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.KUBE_PROXY_DOWN, "Node/node-a"), told(found)


def test_complaints_from_two_nodes_are_not_one_nodes_fault() -> None:
    made = larger()
    address = made.services["search"]["spec"]["clusterIP"]
    for caller in ("web", "orders"):
        cut_off(made, caller, NAME.format("cart"), ADDRESS.format(address))
    assert all(h.cause is not Cause.KUBE_PROXY_DOWN for h in made.diagnose().hypotheses)


def test_a_resolver_that_does_not_answer_is_not_two_signs() -> None:
    made = larger()
    cut_off(made, "web", NAME.format("cart"), "dial tcp: lookup search on 10.96.0.10:53: read udp: i/o timeout")
    assert all(h.cause is not Cause.KUBE_PROXY_DOWN for h in made.diagnose().hypotheses)


def test_nor_is_one_service_that_does_not_answer() -> None:
    made = larger()
    cut_off(made, "web", ADDRESS.format(made.services["search"]["spec"]["clusterIP"]))
    assert all(h.cause is not Cause.KUBE_PROXY_DOWN for h in made.diagnose().hypotheses)


# Kinds that were not read ---------------------------------------------------------------------------------------------


def without(whole: Evidence, *unread: kinds.Kind) -> Evidence:
    left = {
        resource: found for resource, found in whole.objects.items() if resource not in {k.resource for k in unread}
    }
    return Evidence(None, NOW, left, whole.logs)


def test_a_quota_that_was_not_read_is_named_as_the_api_server_does() -> None:
    web = deployment(replicas=1, ready=0)
    owner = replica_set(web, "6d4b75cb6d", replicas=1, ready=0)
    said = 'pods "web-6d4b75cb6d-" is forbidden: exceeded quota: team, requested: pods=1, used: pods=4, limited: pods=4'
    whole = evidence(None, web, owner, event(owner, "FailedCreate", f"Error creating: {said}"))
    top = diagnose(without(whole, kinds.RESOURCE_QUOTA), incident(), NOW).hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.QUOTA_EXCEEDED, "ResourceQuota/shop/team")


def test_replica_sets_stand_for_deployments_that_were_not_read() -> None:
    web = deployment(replicas=1, ready=0)
    owner = replica_set(web, "6d4b75cb6d", replicas=1, ready=0)
    said = (
        'pods "web-6d4b75cb6d-" is forbidden: error looking up service account shop/web: serviceaccount "web" not found'
    )
    whole = evidence(None, web, owner, event(owner, "FailedCreate", f"Error creating: {said}"))
    top = diagnose(without(whole, kinds.DEPLOYMENT), incident(), NOW).hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.SERVICE_ACCOUNT_MISSING, "ReplicaSet/shop/web-6d4b75cb6d")


def test_a_node_that_was_not_read_is_known_by_its_pods() -> None:
    web = deployment(replicas=1, ready=0)
    owner = replica_set(web, "6d4b75cb6d", replicas=1, ready=0)
    stuck = pod(owner, "abcde", waiting("ContainerCreating"), phase="Pending")
    said = "Failed to create pod sandbox: dial unix /run/containerd/containerd.sock: connect: no such file or directory"
    whole = evidence(None, web, owner, stuck, event(stuck, "FailedCreatePodSandBox", said))
    top = diagnose(without(whole, kinds.NODE), incident(), NOW).hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.CONTAINER_RUNTIME_DOWN, "Node/node-a")
