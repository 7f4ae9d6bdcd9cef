"""Healthy and noisy: what every cluster shows and nobody should be called for. No confident hypothesis, ever."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from incident_agents.diagnosis.engine import diagnose, work_up
from incident_agents.diagnosis.ranking import BAR
from incident_agents.diagnosis.verdict import Verdict
from incident_commander.evidence.evidence import Evidence
from incident_commander.ports import Series
from tests.unit.diagnosis.builders import NOW, ago, ended, event, meta, node, pod, running, template
from tests.unit.diagnosis.fleet import SERVICES, fleet, scaled_to_zero
from tests.unit.diagnosis.noise import with_noise
from tests.unit.diagnosis.shop import Shop, shop


def completed_jobs(made: Shop) -> None:
    job: dict[str, Any] = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta("migrate"),
        "spec": {"template": template("migrate")},
        "status": {"succeeded": 1, "failed": 1, "conditions": [{"type": "Complete", "status": "True"}]},
    }
    done = pod(job, "x2k4p", running("migrate", ready=False, state=ended(0, "Completed")), phase="Succeeded")
    made.more += [job, done]


def cron_job_between_its_runs(made: Shop) -> None:
    made.more.append(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": meta("report"),
            "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": template("report")}}},
            "status": {"lastScheduleTime": ago(hours=9), "lastSuccessfulTime": ago(hours=9)},
        }
    )


def scaled_down_on_purpose(made: Shop) -> None:
    made.add("legacy", template("legacy")["spec"]["containers"][0], 8080)
    scaled_to_zero(made, "legacy")


def restarted_long_ago(made: Shop) -> None:
    for name, found in made.pods.items():
        found["status"]["containerStatuses"][0] |= {
            "restartCount": 7,
            "lastState": ended(137, "OOMKilled", since=86400, lived=9000),
            "name": found["spec"]["containers"][0]["name"],
        }
        assert name


def old_warnings(made: Shop) -> None:
    for found in made.pods.values():
        for reason, words in (("FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu."), ("BackOff", "x")):
            made.more.append(event(found, reason, words, age=7200))


def warnings_that_mean_nothing(made: Shop) -> None:
    for found in made.pods.values():
        made.more.append(event(found, "DNSConfigForming", "Nameserver limits were exceeded", age=30))
        made.more.append(event(found, "Unhealthy", "Readiness probe failed: connection refused", age=3000, count=1))


def node_in_maintenance(made: Shop) -> None:
    made.nodes.append(node("node-c", unschedulable=True))


def autoscaler_at_work(made: Shop) -> None:
    made.more.append(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": meta("web"),
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 10},
            "status": {
                "currentReplicas": 4,
                "desiredReplicas": 5,
                "conditions": [
                    {"type": "AbleToScale", "status": "True", "reason": "SucceededRescale"},
                    {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound"},
                    {"type": "ScalingLimited", "status": "False", "reason": "DesiredWithinRange"},
                ],
            },
        }
    )


def evicted_long_ago(made: Shop) -> None:
    owner = next(o for o in made.more if o["kind"] == "ReplicaSet")
    for n in range(3):
        gone = pod(owner, f"evicted-{n}", phase="Failed", age=3 * 86400)
        gone["status"] = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
        made.more.append(gone)


def cordoned_under_running_pods(made: Shop) -> None:
    made.nodes[0]["spec"]["unschedulable"] = True
    made.nodes[0]["spec"]["taints"] = [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]


def one_more_replica_is_starting(made: Shop) -> None:
    name = next(reversed(made.pods))
    deployed = made.deployments[name]
    owner = next(o for o in made.more if o["metadata"]["name"].startswith(f"{name}-"))
    for scaled in (deployed, owner):
        scaled["spec"]["replicas"] = scaled["status"]["replicas"] = 2
    deployed["status"]["updatedReplicas"] = 2
    spec = made.pods[name]["spec"]["containers"][0]["name"]
    made.more.append(pod(owner, "fghij", running(spec, ready=False, age=8), age=10))
    made.more.append(event(deployed, "ScalingReplicaSet", "Scaled up to 2 from 1", kind="Normal", age=10))


QUIET: tuple[Callable[[Shop], None], ...] = (
    completed_jobs,
    cron_job_between_its_runs,
    scaled_down_on_purpose,
    restarted_long_ago,
    old_warnings,
    warnings_that_mean_nothing,
    node_in_maintenance,
    autoscaler_at_work,
    evicted_long_ago,
    cordoned_under_running_pods,
    one_more_replica_is_starting,
)


def confident(evidence: Evidence) -> list[str]:
    """What it would wake somebody for."""
    found = diagnose(evidence, None, NOW).hypotheses
    return [f"{h.cause} {h.object} {h.confidence}: {h.summary}" for h in found if h.confidence >= BAR]


@pytest.mark.parametrize("application", [shop, fleet])
@pytest.mark.parametrize("quiet", QUIET, ids=lambda quiet: quiet.__name__)
def test_one_harmless_thing_calls_nobody(application: Callable[[], Shop], quiet: Callable[[Shop], None]) -> None:
    made = application()
    quiet(made)
    assert confident(made.evidence()) == []


@pytest.mark.parametrize("application", [shop, fleet])
@pytest.mark.parametrize("quiet", QUIET, ids=lambda quiet: quiet.__name__)
def test_and_is_called_healthy(application: Callable[[], Shop], quiet: Callable[[Shop], None]) -> None:
    made = application()
    quiet(made)
    found = work_up(made.evidence(), None, NOW)
    assert found.verdict is Verdict.HEALTHY, found.diagnosis.hypotheses


@pytest.mark.parametrize("seed", range(12))
def test_nor_do_all_of_them_at_once_with_noisy_neighbours(seed: int) -> None:
    chance = random.Random(seed)
    made = chance.choice((shop, fleet))()
    for quiet in chance.sample(QUIET, k=chance.randrange(1, len(QUIET) + 1)):
        quiet(made)
    assert confident(with_noise(made.evidence(), chance)) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_burst_of_traffic_within_capacity_calls_nobody(seed: int) -> None:
    chance = random.Random(seed)
    end = NOW.timestamp()
    points = range(120)

    def steady(level: float, burst: float = 1.0) -> list[tuple[float, float]]:
        return [
            (end - 15 * (119 - n), level * chance.uniform(0.9, 1.1) * (burst if 70 <= n < 100 else 1)) for n in points
        ]

    series: dict[str, Sequence[Series]] = {}
    for name, level, burst in (
        ("http_requests_per_second", 20.0, 2.0),
        ("http_request_duration_p95_ms", 40.0, 1.2),
        ("container_cpu_usage_cores", 0.1, 1.6),
        ("container_network_receive_bytes", 9e4, 2.0),
    ):
        series[name] = [
            Series({"namespace": "shop", "deployment": f"fleet-{s}"}, tuple(steady(level, burst))) for s in SERVICES
        ]
    assert confident(fleet().evidence(series=series)) == []
