"""Autoscalers at their maximum."""

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    crash_looping,
    deployment,
    evidence,
    incident,
    meta,
    pod,
    replica_set,
    told,
)


def autoscaler(*, now: int = 95, limited: bool = True, most: int = 4) -> Object:
    source = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta("web"),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": most,
            "metrics": [{"type": "Resource", "resource": source}],
        },
        "status": {
            "currentReplicas": 4,
            "desiredReplicas": 4,
            "currentMetrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "current": {"averageUtilization": now, "averageValue": "350m"}},
                }
            ],
            "conditions": [
                {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"},
                {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound"},
                {
                    "type": "ScalingLimited",
                    "status": "True" if limited else "False",
                    "reason": "TooManyReplicas" if limited else "DesiredWithinRange",
                },
            ],
        },
    }


def scaled(*statuses: Object) -> tuple[Object, list[Object]]:
    web = deployment(replicas=4, ready=4 if not statuses else 0)
    rs = replica_set(web, "6d4b75cb6d", replicas=4, ready=4)
    return web, [rs, *(pod(rs, f"p{n}", *statuses) for n in range(4))]


def test_a_maximum_that_holds_back_the_load_is_the_cause_and_a_higher_one_is_suggested() -> None:
    web, objects = scaled()
    found = diagnose(evidence(web, *objects, autoscaler()), incident("KubeHpaMaxedOut"), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 75) == (Cause.HPA_AT_MAXIMUM, True), told(found)
    assert top.object is not None
    assert (top.object.kind, top.facts["suggestedMaxReplicas"]) == ("HorizontalPodAutoscaler", "6")


def test_a_maximum_whose_metric_is_below_its_target_again_is_none() -> None:
    web, objects = scaled()
    found = diagnose(evidence(web, *objects, autoscaler(now=60)), incident(), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses), told(found)


def test_replicas_that_crash_are_no_load_to_scale_for() -> None:
    web, objects = scaled(crash_looping(code=1))
    found = diagnose(evidence(web, *objects, autoscaler()), incident(), NOW)
    assert found.hypotheses[0].cause is Cause.CRASH_LOOP, told(found)


def test_an_autoscaler_within_its_range_is_well() -> None:
    web, objects = scaled()
    found = diagnose(evidence(web, *objects, autoscaler(limited=False)), incident(), NOW)
    assert Cause.HPA_AT_MAXIMUM not in {h.cause for h in found.hypotheses}
