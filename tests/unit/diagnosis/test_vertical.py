"""VerticalPodAutoscalers. The CRD of VPA is not installed in the test cluster: these objects follow its v1 API."""

from typing import Any

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Diagnosis
from incident_commander.evidence.evidence import Evidence
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    crash_looping,
    deployment,
    ended,
    event,
    evidence,
    incident,
    meta,
    pod,
    replica_set,
    running,
    told,
)


def vpa(*conditions: dict[str, str], mode: str = "Auto", wish: dict[str, Any] | None = None) -> Object:
    status: dict[str, Any] = {"conditions": list(conditions)}
    if wish:
        status["recommendation"] = {"containerRecommendations": [{"containerName": "web", **wish}]}
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": meta("web"),
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "updatePolicy": {"updateMode": mode},
        },
        "status": status,
    }


def asked(made: Object, *statuses: dict[str, Any], more: tuple[Object, ...] = ()) -> Diagnosis:
    web = deployment()
    owner = replica_set(web, "6d4b75cb6d")
    members = [pod(owner, f"abcd{n}", status) for n, status in enumerate(statuses or (running(), running()))]
    whole = evidence(None, web, owner, *members, *more)
    objects = {**whole.objects, kinds.VERTICAL_POD_AUTOSCALER.resource: [made]}
    return diagnose(Evidence(None, NOW, objects), incident(), NOW)


def needs(least: str, target: str, uncapped: str = "") -> dict[str, dict[str, str]]:
    return {
        "lowerBound": {"memory": least},
        "target": {"memory": target},
        "uncappedTarget": {"memory": uncapped or target},
    }


@pytest.mark.parametrize(
    "condition",
    [
        {
            "type": "NoPodsMatched",
            "status": "True",
            "reason": "NoPodsMatched",
            "message": "No pods match this VPA object",
        },
        {"type": "RecommendationProvided", "status": "False", "reason": "", "message": "no samples"},
    ],
)
def test_one_that_cannot_recommend_is_named_with_its_reason(condition: dict[str, str]) -> None:
    top = asked(vpa(condition)).hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.HPA_CANNOT_SCALE, "VerticalPodAutoscaler/shop/web")
    assert top.facts["vpa"] == "web"


def test_one_at_work_calls_nobody() -> None:
    good = {"type": "RecommendationProvided", "status": "True"}
    found = asked(vpa(good, wish=needs("100Mi", "200Mi")))
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)


def test_a_container_that_was_killed_below_what_it_needs_has_too_low_a_limit() -> None:
    killed = crash_looping(code=137, last=ended(137, "OOMKilled", lived=600))
    found = asked(vpa(mode="Off", wish=needs("400Mi", "512Mi")), killed)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 80) == (Cause.MEMORY_LIMIT_TOO_LOW, True), told(found)
    assert "only recommends" in top.summary
    assert any(c.ref.startswith("VerticalPodAutoscaler/") for c in top.evidence)


def test_a_recommendation_that_is_capped_says_so() -> None:
    top = asked(vpa(wish=needs("300Mi", "300Mi", "900Mi"))).hypotheses[0]
    assert (top.cause, top.confidence < 60) == (Cause.MEMORY_LIMIT_TOO_LOW, True)
    assert "may not ask for that much" in top.summary


def test_one_that_evicts_again_and_again_is_named() -> None:
    web = deployment()
    members = [pod(replica_set(web, "6d4b75cb6d"), f"gone{n}") for n in range(3)]
    said = "Pod was evicted by VPA Updater to apply resource recommendation."
    evicted = tuple(event(m, "EvictedByVPA", said, kind="Normal", count=1, age=60 * n) for n, m in enumerate(members))
    found = asked(vpa(), more=evicted)
    assert found.hypotheses[0].facts.get("reason") == "EvictsAgain", told(found)
    assert all(h.facts.get("reason") != "EvictsAgain" for h in asked(vpa(), more=evicted[:2]).hypotheses)
