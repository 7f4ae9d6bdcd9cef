"""The same incidents with our own parts dying, deaf, lied to, or refused: never twice, never wrong, never lost."""

import random

import pytest

from incident_commander.api.incident import Outcome
from incident_commander.api.role import Role
from incident_commander.cli.rehearsed import RehearsedSystem
from incident_commander.errors import Conflict, MetricsUnavailable, Throttled, Unavailable
from incident_commander.rehearsal.identities import agent_account, service_account
from tests.simulation.run import COMPONENTS, fingerprints, hold, rehearse, workload_patches

WRITES = {"executor": 3, "coordinator": 5, **{agent_account(r.value).removeprefix(COMPONENTS): 2 for r in Role}}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("component", "write"), [(c, n) for c, count in WRITES.items() for n in range(1, count + 1)])
async def test_a_component_killed_at_any_write_is_restarted_and_nothing_is_done_twice(
    component: str, write: int, after: bool
) -> None:
    def kill(system: RehearsedSystem) -> None:
        system.world.faults.crash(COMPONENTS + component, at_write=write, after=after)

    run = await rehearse("bad-image", 11, disturb=kill)
    hold(run)
    assert workload_patches(run) == 1
    assert run.incident.status.outcome is Outcome.REMEDIATED, run.incident.status.message


@pytest.mark.parametrize("write", range(1, 6))
async def test_a_gateway_that_dies_or_loses_an_answer_loses_no_alert(write: int) -> None:
    def kill(system: RehearsedSystem) -> None:
        system.world.faults.crash(service_account("gateway"), at_write=write, after=write % 2 == 0)

    calm, run = await rehearse("crashing-release", 4), await rehearse("crashing-release", 4, disturb=kill)
    hold(run)
    assert len(run.incidents) == len(calm.incidents)
    assert fingerprints(run) >= fingerprints(calm)


@pytest.mark.parametrize("seed", range(6))
async def test_an_api_server_that_fails_conflicts_and_throttles_at_random(seed: int) -> None:
    def trouble(system: RehearsedSystem) -> None:
        rng = random.Random(seed)
        errors = [
            lambda: Unavailable("connection refused"),
            lambda: Conflict("changed"),
            lambda: Throttled("slow down"),
        ]
        for _ in range(25):
            system.world.faults.inject(
                rng.choice(errors),
                user=rng.choice([service_account(c) for c in ("coordinator", "executor")])
                if rng.random() < 0.5
                else agent_account(rng.choice(list(Role)).value),
                writes=rng.choice([True, None]),
                nth=rng.randint(1, 30),
                after=rng.random() < 0.3,
            )

    run = await rehearse("bad-image", seed, disturb=trouble)
    hold(run)
    assert workload_patches(run) <= 2
    assert run.incident.status.outcome in (Outcome.REMEDIATED, Outcome.ESCALATED, Outcome.ROLLED_BACK)


@pytest.mark.parametrize("seed", range(4))
async def test_watch_events_that_are_lost_or_repeated_change_nothing_but_the_time(seed: int) -> None:
    def deaf(system: RehearsedSystem) -> None:
        rng = random.Random(seed)
        system.world.faults.deliveries = lambda component, event: rng.choice([0, 0, 1, 1, 2])

    run = await rehearse("crashing-release", seed, disturb=deaf)
    hold(run)
    assert workload_patches(run) <= 1


@pytest.mark.parametrize("scenario", ["bad-image", "memory-limit-too-low", "unhelpful-fix"])
async def test_without_prometheus_nothing_is_called_remediated_that_is_not(scenario: str) -> None:
    def blind(system: RehearsedSystem) -> None:
        system.world.faults.inject(lambda: MetricsUnavailable("503"), resource="prometheus", times=None)

    hold(await rehearse(scenario, 2, disturb=blind))


async def test_a_slow_prometheus_is_waited_for_or_done_without() -> None:
    def slow(system: RehearsedSystem) -> None:
        system.world.faults.metrics_latency_seconds = 20

    hold(await rehearse("bad-image", 2, disturb=slow))


@pytest.mark.parametrize("silent", [1, 2, 3])
async def test_two_silent_agents_are_done_without_and_three_stop_everything(silent: int) -> None:
    def mute(system: RehearsedSystem) -> None:
        for role in (Role.DETECTION, Role.PREDICTION, Role.COMMUNICATION)[:silent]:
            system.engine.stop(role.value)

    run = await rehearse("bad-image", 6, disturb=mute)
    hold(run)
    if silent < 3:
        assert run.incident.status.outcome is Outcome.REMEDIATED
    else:
        assert workload_patches(run) == 0
        assert run.incident.status.outcome is Outcome.ESCALATED


async def test_logs_that_are_refused_are_named_as_gaps() -> None:
    from incident_commander.errors import LogsUnavailable

    def refuse(system: RehearsedSystem) -> None:
        system.world.faults.inject(lambda: LogsUnavailable("forbidden"), verb="logs", times=None)

    run = await rehearse("crashing-release", 2, disturb=refuse)
    hold(run)
    assert any("log" in gap for gap in run.incident.status.gaps)
