"""What a diagnosis says as a whole: honest about health, about what is unknown, and about what is gone."""

from dataclasses import replace
from pathlib import Path

from incident_agents.diagnosis import facts
from incident_agents.diagnosis.engine import diagnose
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.meta import TargetRef
from incident_commander.evidence.evidence import Evidence, target_of
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    deployment,
    ended,
    endpoint_slice,
    event,
    evidence,
    incident,
    is_healthy,
    log,
    node,
    pod,
    replica_set,
    running,
    series,
    service,
    told,
)

MIB = 1024 * 1024


def healthy_shop() -> tuple[Object, list[Object]]:
    web = deployment()
    rs = replica_set(web, "6d4b75cb6d")
    svc = service("web", {"app": "web"})
    return web, [rs, pod(rs, "abcde"), pod(rs, "fghij"), svc, endpoint_slice(svc, True, True), node()]


def test_a_healthy_target_gives_unknown_alone_with_low_confidence_and_says_healthy() -> None:
    web, objects = healthy_shop()
    found = diagnose(evidence(web, *objects), incident(), NOW)
    assert [h.cause for h in found.hypotheses] == [Cause.UNKNOWN]
    assert found.hypotheses[0].confidence < 20
    assert "healthy" in found.hypotheses[0].summary
    assert is_healthy(found)


def test_noise_around_a_healthy_target_makes_no_confident_hypothesis() -> None:
    web, objects = healthy_shop()
    rs, first = objects[0], objects[1]
    other = deployment("other", ready=0)
    other_rs = replica_set(other, "5b5c9d7f6c", ready=0)
    bystander = pod(other_rs, "abcde", running("other", ready=False))
    first["status"]["containerStatuses"] = [running(restarts=2, age=80000, lastState=ended(1, "Error", since=80001))]
    objects += [
        other,
        other_rs,
        bystander,
        event(first, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", age=3000, count=1),
        event(first, "FailedScheduling", "0/4 nodes are available: 4 Insufficient cpu.", age=3500, count=1),
        event(
            rs,
            "FailedCreate",
            'Error creating: pods "x" is forbidden: exceeded quota: q, requested: a=1, used: a=1, limited: a=1',
        ),
        event(bystander, "BackOff", "Back-off restarting failed container"),
        node("node-z", ready="Unknown", MemoryPressure="True"),
    ]
    words = log(first, "WARN upstream connect error to cache:6379, retrying", "connection refused by cache:6379")
    memory = series(
        "container_memory_working_set",
        [(90 + n % 7) * MIB for n in range(200)],
        pod="web-6d4b75cb6d-abcde",
        container="web",
    )
    noisy = evidence(web, *objects, logs=[words], metrics={"container_memory_working_set": memory})
    found = diagnose(noisy, incident(), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses), told(found)


def test_a_sick_target_without_a_named_cause_is_unknown_and_points_to_where_to_look() -> None:
    web, objects = healthy_shop()
    web["status"] |= {"readyReplicas": 1, "availableReplicas": 1}
    odd = objects[1]
    odd["status"]["containerStatuses"] = [running(ready=False, age=3000)]
    odd["status"]["conditions"][1]["status"] = "False"
    warned = event(odd, "FailedPostStartHook", "PostStartHook failed")
    found = diagnose(evidence(web, *objects, warned), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, 20 < top.confidence < 50) == (Cause.UNKNOWN, True), told(found)
    assert "PostStartHook failed" in [c.value for c in top.evidence]
    assert not is_healthy(found)


def test_a_target_that_does_not_exist_any_more_is_gone() -> None:
    web, objects = healthy_shop()
    ref = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="deleted", uid="u")
    found = diagnose(evidence(ref, web, *objects), incident(), NOW)
    assert (found.hypotheses[0].cause, found.hypotheses[0].object) == (Cause.TARGET_GONE, ref)
    assert found.hypotheses[0].confidence >= 90


def test_a_target_that_nothing_else_speaks_of_is_cited_from_the_incident_that_names_it() -> None:
    web, objects = healthy_shop()
    ref = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="deleted")
    about = incident()
    about = about.model_copy(update={"spec": about.spec.model_copy(update={"target_ref": ref})})
    (cited,) = diagnose(evidence(ref, web, *objects), about, NOW).hypotheses[0].evidence
    assert (cited.ref, cited.path, cited.value) == (
        f"Incident/{about.metadata.namespace}/{about.metadata.name}",
        "spec.targetRef.name",
        "deleted",
    )


def test_an_object_of_the_same_name_with_another_uid_is_not_the_target() -> None:
    web, objects = healthy_shop()
    ref = target_of(web).model_copy(update={"uid": "before"})
    top = diagnose(evidence(ref, web, *objects), incident(), NOW).hypotheses[0]
    assert (top.cause, top.evidence[0].value) == (Cause.TARGET_GONE, "uid-web")
    assert top.facts["found"] == "was deleted; another object has its name now"


def test_what_was_never_seen_is_not_said_to_be_gone() -> None:
    web, objects = healthy_shop()
    shop: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "uid-shop"}}
    ref = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="typo")
    top = diagnose(evidence(ref, web, shop, *objects), incident(), NOW).hypotheses[0]
    assert (top.cause, top.facts["found"]) == (Cause.TARGET_GONE, "does not exist")
    assert "any more" not in top.summary
    seen = diagnose(evidence(ref.model_copy(update={"uid": "u"}), web, shop, *objects), incident(), NOW).hypotheses[0]
    assert seen.facts["found"] == "does not exist any more"


def test_a_target_in_a_namespace_that_does_not_exist_names_the_namespace() -> None:
    shop: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "uid-shop"}}
    ref = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shpo", name="web")
    top = diagnose(evidence(ref, shop), incident(), NOW).hypotheses[0]
    assert top.facts["found"] == "does not exist: there is no namespace shpo"
    cut = diagnose(evidence(ref, shop, gaps=("namespaces: only the first 100 were read",)), incident(), NOW)
    assert cut.hypotheses[0].facts["found"] == "does not exist"


def test_a_target_whose_kind_could_not_be_read_is_not_called_gone() -> None:
    ref = target_of(deployment())
    blind = Evidence(ref, NOW, {}, gaps=("deployments.apps in shop: Forbidden: no",))
    found = diagnose(blind, incident(), NOW)
    assert [h.cause for h in found.hypotheses] == [Cause.UNKNOWN]
    assert found.hypotheses[0].confidence < 30
    assert found.gaps == ["deployments.apps in shop: Forbidden: no"]
    assert not is_healthy(found)


def test_an_incident_without_a_target_is_diagnosed_from_the_namespace() -> None:
    other = deployment("other", ready=0)
    rs = replica_set(other, "5b5c9d7f6c", ready=0)
    status = running("other", ready=False, state={"waiting": {"reason": "InvalidImageName", "message": "x"}})
    found = diagnose(evidence(None, other, rs, pod(rs, "abcde", status, phase="Pending")), incident(), NOW)
    assert (found.hypotheses[0].cause, found.hypotheses[0].confidence >= 80) == (Cause.IMAGE_NOT_FOUND, True), told(
        found
    )


def test_a_namespace_is_not_called_healthy_when_a_kind_of_workload_was_read_only_in_part() -> None:
    _, objects = healthy_shop()
    whole = evidence(None, deployment(), *objects)
    assert is_healthy(diagnose(whole, None, NOW))
    for kind in (kinds.POD, kinds.DEPLOYMENT, kinds.STATEFUL_SET):
        found = diagnose(replace(whole, partial=(kind.resource,)), None, NOW)
        assert not is_healthy(found)
        assert f"{kind.resource} could not all be read" in found.hypotheses[0].summary
    assert is_healthy(diagnose(replace(whole, partial=(kinds.CONFIG_MAP.resource,)), None, NOW))


def test_a_target_is_not_called_healthy_when_its_pods_were_read_only_in_part() -> None:
    web, objects = healthy_shop()
    whole = evidence(target_of(web), web, *objects)
    assert is_healthy(diagnose(whole, incident(), NOW))
    assert not is_healthy(diagnose(replace(whole, partial=(kinds.POD.resource,)), incident(), NOW))


def test_a_workload_is_not_called_healthy_when_fewer_pods_were_read_than_it_has() -> None:
    web, objects = healthy_shop()
    fewer = [o for o in objects if o is not objects[2]]
    for target, called in ((None, None), (target_of(web), incident())):
        found = diagnose(evidence(target, web, *fewer), called, NOW)
        assert not is_healthy(found)
        assert "1 of its 2 pods" in found.hypotheses[0].summary


def test_the_table_of_facts_has_a_row_for_every_cause() -> None:
    assert list(facts.TABLE) == list(Cause)
    for names in facts.OF_CAUSE.values():
        assert len(names | facts.COMMON) <= 16


def test_the_table_of_facts_is_the_one_in_the_docs() -> None:
    written = (Path(__file__).parents[3] / "docs" / "policies.md").read_text()
    assert facts.within(written) == written, "make generate"
    assert facts.table() in written
