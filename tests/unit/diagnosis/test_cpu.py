"""CPU throttling."""

from dataclasses import replace

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence.evidence import Evidence, Measured
from incident_commander.ports import Object, Series
from tests.unit.diagnosis.builders import NOW, deployment, evidence, incident, pod, replica_set, running, series, told


def throttled(ratio: float, usage: float) -> Evidence:
    web = deployment()
    rs = replica_set(web, "6d4b75cb6d")
    slow = pod(rs, "abcde", running())
    labels = {"pod": slow["metadata"]["name"], "container": "web"}
    metrics = {
        "container_cpu_throttled_ratio": series("throttled", [ratio] * 20, **labels),
        "container_cpu_usage": series("usage", [usage] * 20, **labels),
    }
    return evidence(web, rs, slow, pod(rs, "fghij"), metrics=metrics)


def test_a_container_that_is_throttled_at_its_limit_gets_a_higher_one_suggested() -> None:
    found = diagnose(throttled(0.8, 0.49), incident("CPUThrottlingHigh"), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 75) == (Cause.CPU_THROTTLED, True), told(found)
    assert (top.facts["cpuLimit"], top.facts["suggestedCPULimit"], top.facts["throttledRatio"]) == ("500m", "1", "0.80")


def test_a_little_throttling_far_below_the_limit_is_ordinary() -> None:
    found = diagnose(throttled(0.3, 0.1), incident("SomethingElse"), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses), told(found)
    quiet = diagnose(throttled(0.05, 0.1), incident(), NOW)
    assert [h.cause for h in quiet.hypotheses] == [Cause.UNKNOWN]


class TestMoreReplicas:
    """Are suggested where they share the load: all are there, ready and throttled, and nothing else scales them."""

    def facts(
        self,
        *more: Object,
        ratios: tuple[float, ...] = (0.8, 0.6),
        ready: bool = True,
        replicas: int = 2,
        unasked: bool = False,
    ) -> dict[str, str]:
        web = deployment(replicas=replicas)
        rs = replica_set(web, "6d4b75cb6d")
        members = [pod(rs, "abcde", running()), pod(rs, "fghij", running(ready=ready))]
        lines = [
            Series(labels={"pod": p["metadata"]["name"], "container": "web"}, points=one.points)
            for p, ratio in zip(members, ratios, strict=True)
            for one in series("throttled", [ratio] * 20).series
        ]
        measured: Measured = replace(series("throttled", [0.0]), series=tuple(lines))
        metrics = {"container_cpu_throttled_ratio": measured}
        found = evidence(web, rs, *members, *more, metrics=metrics)
        if unasked:
            objects = {k: v for k, v in found.objects.items() if k != kinds.HORIZONTAL_POD_AUTOSCALER.resource}
            found = replace(found, objects=objects)
        hypotheses = diagnose(found, incident("CPUThrottlingHigh"), NOW).hypotheses
        (about,) = [h for h in hypotheses if h.cause is Cause.CPU_THROTTLED]
        return {k: v for k, v in about.facts.items() if k in ("replicas", "suggestedReplicas")}

    def test_as_many_times_as_the_limit_would_have_to_be(self) -> None:
        assert self.facts() == {"replicas": "2", "suggestedReplicas": "4"}
        assert self.facts(ratios=(0.4, 0.3)) == {"replicas": "2", "suggestedReplicas": "3"}

    def test_not_where_an_autoscaler_decides(self) -> None:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        hpa = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": "shop", "uid": "h"},
            "spec": {"scaleTargetRef": target, "maxReplicas": 9},
        }
        namespace = deployment()["metadata"]["namespace"]
        assert self.facts({**hpa, "metadata": {**hpa["metadata"], "namespace": namespace}}) == {}  # type: ignore[dict-item]

    def test_not_where_it_is_not_known_whether_one_does(self) -> None:
        assert self.facts(unasked=True) == {}

    def test_not_where_one_is_not_ready_or_missing(self) -> None:
        assert self.facts(ready=False) == {}
        assert self.facts(replicas=3) == {}

    def test_not_where_one_alone_is_throttled(self) -> None:
        assert self.facts(ratios=(0.9, 0.1)) == {}
