"""The scheduler's filters, tried again where its words were not kept: the same answers from the objects alone."""

from typing import Any

import pytest

from incident_agents.diagnosis import filters
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    container,
    deployment,
    evidence,
    incident,
    merged,
    meta,
    node,
    pending,
    pod,
    replica_set,
    template,
    told,
)


def labelled(name: str, *, taint: str = "", cpu: str = "4", **labels: str) -> Object:
    spec = {"taints": [{"key": taint, "effect": "NoSchedule"}]} if taint else {}
    change = {"metadata": {"labels": {"kubernetes.io/hostname": name, **labels}}, "spec": spec}
    return merged(node(name), change | {"status": {"allocatable": {"cpu": cpu}}})


def waiting(request: str = "100m", **spec: Any) -> tuple[Object, Object, Object]:
    """A Deployment whose pod waits, without a word from the scheduler: the Deployment, its ReplicaSet, the pod."""
    asks = container("web", resources={"requests": {"cpu": request, "memory": "64Mi"}})
    web = deployment(replicas=1, ready=0, template=template("web", asks, **spec))
    owner = replica_set(web, "6d4b75cb6d", replicas=1, ready=0, age=400)
    return web, owner, pending(owner, "abcde", "")


def filtered(made: tuple[Object, Object, Object], *objects: Object) -> tuple[dict[str, int], tuple[str, ...]]:
    found = evidence(made[0], *made[1:], *objects)
    answer = filters.filtered(Case(found, None, NOW), made[2])
    return {r.detail: r.nodes for r in answer.reasons}, answer.passed


def volume_claim(phase: str, class_: str, **spec: Any) -> Object:
    made = {"accessModes": ["ReadWriteOnce"], "storageClassName": class_, **spec}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta("data"),
        "spec": made,
        "status": {"phase": phase},
    }


MOUNTED = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
ON_THE_HOST = [{"containerPort": 8080, "hostPort": 8080, "protocol": "TCP"}]
APART = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}


def beside(owner: Object, suffix: str, on: str, **spec: Any) -> Object:
    return pod(owner, suffix, nodeName=on, **spec)


def test_each_node_is_counted_under_the_first_filter_that_it_fails() -> None:
    nodes = [
        labelled("a", disk="hdd"),
        labelled("b", disk="ssd", taint="dedicated"),
        labelled("c", disk="ssd", cpu="1"),
        merged(labelled("d", disk="ssd"), {"spec": {"unschedulable": True}}),
    ]
    assert filtered(waiting("2", nodeSelector={"disk": "ssd"}), *nodes) == (
        {
            "node(s) didn't match Pod's node affinity/selector": 1,
            "node(s) had untolerated taint {dedicated: }": 1,
            "Insufficient cpu": 1,
            "node(s) were unschedulable": 1,
        },
        (),
    )


def test_what_is_tolerated_keeps_nobody_away() -> None:
    tolerated = waiting(tolerations=[{"key": "dedicated", "operator": "Exists"}])
    assert filtered(tolerated, labelled("b", taint="dedicated")) == ({}, ("b",))


def test_the_requests_of_the_pods_that_are_there_take_room() -> None:
    made = waiting("2")
    full = [beside(made[1], f"full{n}", "a") for n in range(3)]
    for other in full:
        other["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
    assert filtered(made, labelled("a"), *full) == ({"Insufficient cpu": 1}, ())
    full[0]["status"]["phase"] = "Succeeded"
    assert filtered(made, labelled("a"), *full) == ({}, ("a",))


def test_the_largest_init_container_counts_when_it_asks_for_more_than_all_others() -> None:
    made = waiting("1", initContainers=[container("seed", resources={"requests": {"cpu": "5"}})])
    assert filtered(made, labelled("a")) == ({"Insufficient cpu": 1}, ())


def test_a_node_takes_only_so_many_pods() -> None:
    made = waiting()
    small = merged(labelled("a"), {"status": {"allocatable": {"pods": "1"}}})
    assert filtered(made, small, beside(made[1], "there", "a")) == ({"Too many pods": 1}, ())


def test_a_port_of_the_host_is_free_once() -> None:
    made = waiting()
    made[2]["spec"]["containers"][0]["ports"] = ON_THE_HOST
    other = beside(made[1], "there", "a")
    other["spec"]["containers"][0]["ports"] = ON_THE_HOST
    assert filtered(made, labelled("a"), labelled("b"), other) == (
        {"node(s) didn't have free ports for the requested pod ports": 1},
        ("b",),
    )


def test_a_pod_that_wants_to_be_apart_finds_no_node_where_its_like_is() -> None:
    rule = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [APART]}}
    made = waiting(affinity=rule)
    there = beside(made[1], "there", "a", affinity={})
    assert filtered(made, labelled("a"), there) == ({"node(s) didn't match pod anti-affinity rules": 1}, ())
    plain = waiting()
    lonely = beside(plain[1], "there", "a", affinity=rule)
    found, _ = filtered(plain, labelled("a"), lonely)
    assert found == {"node(s) didn't satisfy existing pods anti-affinity rules": 1}


def test_a_pod_that_wants_company_finds_no_node_without_it() -> None:
    company = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "cache"}}}
    made = waiting(affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [company]}})
    assert filtered(made, labelled("a")) == ({"node(s) didn't match pod affinity rules": 1}, ())


def test_the_first_of_those_that_want_each_others_company_may_come() -> None:
    made = waiting(affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [APART]}})
    assert filtered(made, labelled("a")) == ({}, ("a",))


def test_spreading_leaves_no_node_that_would_be_ahead_of_the_others() -> None:
    spread = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    made = waiting(topologySpreadConstraints=[spread])
    nodes = [labelled("a", zone="x"), labelled("b", zone="y", taint="dedicated"), labelled("c")]
    found, passed = filtered(made, *nodes, beside(made[1], "there", "a"))
    assert found == {
        "node(s) didn't match pod topology spread constraints": 1,
        "node(s) had untolerated taint {dedicated: }": 1,
        "node(s) didn't match pod topology spread constraints (missing required label)": 1,
    }
    assert not passed


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (None, 'persistentvolumeclaim "data" not found'),
        (volume_claim("Pending", "fast"), "pod has unbound immediate PersistentVolumeClaims"),
    ],
    ids=["missing", "unbound"],
)
def test_a_claim_is_looked_at_before_any_node(claim: Object | None, reason: str) -> None:
    objects = [claim] if claim is not None else []
    assert filtered(waiting(volumes=MOUNTED), labelled("a"), *objects) == ({reason: 0}, ())


def test_a_claim_that_waits_for_its_pod_is_no_reason() -> None:
    late = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "local"},
        "provisioner": "example.com/local",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    assert filtered(waiting(volumes=MOUNTED), labelled("a"), volume_claim("Pending", "local"), late) == ({}, ("a",))


def test_a_volume_that_is_on_another_node_is_out_of_reach() -> None:
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["b"]}]}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "pv-1"},
        "spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}},
    }
    bound = volume_claim("Bound", "local", volumeName="pv-1")
    assert filtered(waiting(volumes=MOUNTED), labelled("a"), bound, volume) == (
        {"node(s) had volume node affinity conflict": 1},
        (),
    )


@pytest.mark.parametrize(
    ("made", "nodes", "cause", "facts"),
    [
        (waiting("64"), [labelled("a")], Cause.UNSCHEDULABLE_RESOURCES, {"resource": "cpu", "requested": "64"}),
        (
            waiting(nodeSelector={"disk": "ssd"}),
            [labelled("a")],
            Cause.UNSCHEDULABLE_AFFINITY,
            {"constraint": "nodeSelector"},
        ),
        (waiting(), [labelled("a", taint="dedicated")], Cause.UNSCHEDULABLE_TAINT, {"taint": "dedicated:"}),
        (waiting(), [merged(labelled("a"), {"spec": {"unschedulable": True}})], Cause.NODE_CORDONED, {"node": "a"}),
    ],
    ids=["resources", "selector", "taint", "cordon"],
)
def test_without_the_schedulers_words_the_cause_is_the_same(
    made: tuple[Object, Object, Object], nodes: list[Object], cause: Cause, facts: dict[str, str]
) -> None:
    found = diagnose(evidence(made[0], *made[1:], *nodes), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 80) == (cause, True), told(found)
    assert facts.items() <= top.facts.items()
    assert top.evidence


def test_where_a_node_would_do_it_is_only_a_suspicion_that_its_room_is_taken_by_pods_that_were_not_read() -> None:
    made = waiting("2")
    found = diagnose(evidence(made[0], *made[1:], labelled("a")), incident(), NOW)
    top = found.hypotheses[0]
    assert top.cause is Cause.UNSCHEDULABLE_RESOURCES
    assert 50 <= top.confidence < 70, told(found)
    assert top.facts["resource"] == "cpu"
