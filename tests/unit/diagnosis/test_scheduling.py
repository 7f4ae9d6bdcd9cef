"""Pods that find no node."""

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.scheduler_words import parse
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    container,
    deployment,
    evidence,
    incident,
    meta,
    node,
    pending,
    replica_set,
    template,
    told,
)

NO_USE = "preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."


def stuck(message: str, *, web: Object | None = None) -> tuple[Object, list[Object]]:
    web = web or deployment(ready=0)
    rs = replica_set(web, "6d4b75cb6d", ready=0, age=400)
    return web, [rs, pending(rs, "abcde", message), node("node-a"), node("node-b")]


@pytest.mark.parametrize(
    ("message", "cause", "facts"),
    [
        (
            f"0/4 nodes are available: 1 node(s) had untolerated taint {{node-role.kubernetes.io/control-plane: }}, "
            f"3 Insufficient memory. {NO_USE}",
            Cause.UNSCHEDULABLE_RESOURCES,
            {"resource": "memory", "requested": "64Gi"},
        ),
        (
            f"0/4 nodes are available: 1 node(s) had untolerated taint {{node-role.kubernetes.io/control-plane: }}, "
            f"3 node(s) didn't match Pod's node affinity/selector. {NO_USE}",
            Cause.UNSCHEDULABLE_AFFINITY,
            {"constraint": "nodeAffinity"},
        ),
        (
            f"0/4 nodes are available: 4 node(s) had untolerated taint {{dedicated: batch}}. {NO_USE}",
            Cause.UNSCHEDULABLE_TAINT,
            {"taint": "dedicated: batch"},
        ),
        (
            "0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found. " + NO_USE,
            Cause.UNSCHEDULABLE_VOLUME,
            {},
        ),
        (
            "0/4 nodes are available: 4 node(s) didn't match pod anti-affinity rules. " + NO_USE,
            Cause.UNSCHEDULABLE_AFFINITY,
            {"constraint": "podAntiAffinity"},
        ),
    ],
)
def test_the_schedulers_reason_is_the_cause(message: str, cause: Cause, facts: dict[str, str]) -> None:
    hungry = container("web", resources={"requests": {"memory": "64Gi"}})
    web, objects = stuck(message, web=deployment(ready=0, template=template("web", hungry)))
    found = diagnose(evidence(web, *objects), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 80) == (cause, True), told(found)
    assert facts.items() <= top.facts.items()


def test_the_taint_of_the_control_plane_is_the_reason_only_when_there_is_no_other() -> None:
    reasons = parse(
        "0/1 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }."
    )
    assert [(r.cause, r.background) for r in reasons] == [(Cause.UNSCHEDULABLE_TAINT, True)]


def test_a_claim_that_does_not_exist_is_named() -> None:
    web, objects = stuck('0/2 nodes are available: persistentvolumeclaim "data" not found. ' + NO_USE)
    top = diagnose(evidence(web, *objects), incident(), NOW).hypotheses[0]
    assert (top.cause, top.facts["claim"]) == (Cause.UNSCHEDULABLE_VOLUME, "data")


def test_a_cordoned_node_is_what_is_to_be_acted_on() -> None:
    web, objects = stuck("0/2 nodes are available: 1 node(s) were unschedulable, 1 Too many pods. " + NO_USE)
    objects[2:] = [node("node-a", unschedulable=True), node("node-b")]
    found = diagnose(evidence(web, *objects), incident(), NOW)
    cordoned = next(h for h in found.hypotheses if h.cause is Cause.NODE_CORDONED)
    assert cordoned.object is not None
    assert (cordoned.object.kind, cordoned.object.name, cordoned.facts) == (
        "Node",
        "node-a",
        {"node": "node-a", "dependent": "Deployment/web"},
    )


def test_a_node_that_is_not_ready_stands_above_the_taint_that_it_brings() -> None:
    said = "0/2 nodes are available: 2 node(s) had untolerated taint {node.kubernetes.io/unreachable: }. " + NO_USE
    web, objects = stuck(said)
    objects[2:] = [node("node-a", ready="Unknown"), node("node-b", ready="Unknown")]
    found = diagnose(evidence(web, *objects), incident(), NOW)
    assert found.hypotheses[0].cause is Cause.NODE_NOT_READY, told(found)
    assert found.hypotheses[0].object is not None
    assert found.hypotheses[0].object.kind == "Node"


def test_a_claim_that_is_pending_explains_why_its_pod_is() -> None:
    web, objects = stuck("0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. " + NO_USE)
    objects[1]["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta("data"),
        "spec": {"storageClassName": "fast", "accessModes": ["ReadWriteOnce"]},
        "status": {"phase": "Pending"},
    }
    found = diagnose(evidence(web, *objects, claim), incident(), NOW)
    assert found.hypotheses[0].cause is Cause.VOLUME_CLAIM_PENDING, told(found)
    assert "storage class fast does not exist" in found.hypotheses[0].summary
    assert found.hypotheses[1].cause is Cause.UNSCHEDULABLE_VOLUME


def labelled(name: str, *, unschedulable: bool = False, taint: str = "", **labels: str) -> Object:
    found = node(name, unschedulable=unschedulable)
    found["metadata"]["labels"] = {"kubernetes.io/hostname": name, **labels}
    if taint:
        found["spec"]["taints"] = [{"key": taint, "value": "true", "effect": "NoSchedule"}]
    return found


@pytest.mark.parametrize(
    ("why", "second", "cause"),
    [
        ("1 node(s) were unschedulable", labelled("node-b", unschedulable=True, disk="ssd"), Cause.NODE_CORDONED),
        (
            "1 node(s) had untolerated taint {dedicated: true}",
            labelled("node-b", taint="dedicated", disk="ssd"),
            Cause.UNSCHEDULABLE_TAINT,
        ),
    ],
)
def test_what_keeps_the_pod_from_the_nodes_that_it_asks_for_is_the_reason(
    why: str, second: Object, cause: Cause
) -> None:
    message = f"0/3 nodes are available: {why}, 2 node(s) didn't match Pod's node affinity/selector. {NO_USE}"
    web, objects = stuck(message, web=deployment(ready=0, template=template("web", nodeSelector={"disk": "ssd"})))
    objects[2:] = [labelled("node-a", disk="hdd"), second, labelled("node-c", disk="hdd")]
    found = diagnose(evidence(web, *objects), incident(), NOW)
    assert (found.hypotheses[0].cause, found.hypotheses[0].confidence >= 85) == (cause, True), told(found)


def test_a_cordoned_control_plane_is_not_what_an_ordinary_pod_waits_for() -> None:
    message = f"0/2 nodes are available: 1 node(s) were unschedulable, 1 Insufficient cpu. {NO_USE}"
    web, objects = stuck(message)
    first = labelled("node-a", unschedulable=True, **{"node-role.kubernetes.io/control-plane": ""})
    objects[2:] = [first, labelled("node-b")]
    found = diagnose(evidence(web, *objects), incident(), NOW)
    assert [h.cause for h in found.hypotheses][:1] == [Cause.UNSCHEDULABLE_RESOURCES], told(found)
    assert Cause.NODE_CORDONED not in {h.cause for h in found.hypotheses}


def test_of_selector_and_affinity_the_one_that_leaves_no_node_is_named() -> None:
    terms = [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["c"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    spec = template("web", nodeSelector={"disk": "ssd"}, affinity={"nodeAffinity": required})
    message = f"0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. {NO_USE}"
    web, objects = stuck(message, web=deployment(ready=0, template=spec))
    objects[2:] = [labelled("node-a", disk="ssd", zone="a")]
    found = diagnose(evidence(web, *objects), incident(), NOW)
    assert found.hypotheses[0].facts["constraint"] == "nodeAffinity"
