"""CPU throttling."""

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.evidence.evidence import Evidence
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
