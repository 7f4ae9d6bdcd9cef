"""Each scenario shows the symptom that it is named after, whatever the seed, and nothing else."""

from __future__ import annotations

import pytest

from incident_commander.rehearsal.scenarios.catalogue import SCENARIOS
from incident_commander.rehearsal.scenarios.scenario import Stage
from incident_commander.rehearsal.world import World

SEEDS = (1, 2, 3)
SYMPTOMS = {
    "bad-image": "KubeContainerWaiting",
    "crashing-release": "KubePodCrashLooping",
    "memory-limit-too-low": "ContainerOOMKilled",
    "memory-leak": "ContainerMemoryNearLimit",
    "cpu-throttled": "CPUThrottlingHigh",
    "unhelpful-fix": "KubePodCrashLooping",
    "self-healing": "KubePodCrashLooping",
}


def play(name: str, seed: int, seconds: float = 1800) -> Stage:
    world = World(seed)
    stage = SCENARIOS[name].prepare(world)
    world.clock.advance(seconds)
    return stage


def alerts(stage: Stage) -> list[str]:
    return [payload["groupLabels"]["alertname"] for payload in stage.world.alertmanager.outbox]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "alert"), SYMPTOMS.items())
def test_the_symptom_is_alerted_after_the_fault(name: str, alert: str, seed: int) -> None:
    stage = play(name, seed)

    assert alert in alerts(stage)
    first = stage.world.alertmanager.outbox[0]["alerts"][0]["startsAt"]
    assert stage.fault_at is not None
    assert first > stage.fault_at.isoformat()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_healthy_workload_alerts_nobody(seed: int) -> None:
    stage = play("healthy", seed)

    assert alerts(stage) == []
    assert stage.healthy()


@pytest.mark.parametrize("seed", SEEDS)
def test_an_outage_elsewhere_passes_by_itself(seed: int) -> None:
    stage = play("self-healing", seed)

    assert stage.healthy()
    assert stage.world.alertmanager.outbox[-1]["status"] == "resolved"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["crashing-release", "unhelpful-fix", "memory-limit-too-low"])
def test_what_is_broken_stays_broken_when_nothing_is_done(name: str, seed: int) -> None:
    assert not play(name, seed, seconds=3600).healthy()


@pytest.mark.parametrize("name", sorted(SYMPTOMS))
def test_the_same_seed_gives_the_same_world_to_the_byte(name: str) -> None:
    first, second = play(name, 4, seconds=1000), play(name, 4, seconds=1000)

    assert list(first.world.api.store.everything()) == list(second.world.api.store.everything())
    assert list(first.world.alertmanager.outbox) == list(second.world.alertmanager.outbox)


def test_other_seeds_give_other_names_and_times() -> None:
    stages = [play("crashing-release", seed, seconds=1) for seed in range(12)]

    assert len({(stage.namespace, stage.name) for stage in stages}) > 4
    assert len({stage.fault_at for stage in stages}) == 12
