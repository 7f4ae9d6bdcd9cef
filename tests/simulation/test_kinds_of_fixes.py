"""Fixes that are no patch of a workload, from alert to verdict, with our own parts dying: never twice, never lost."""

import pytest

from incident_commander.api.incident import Incident, Outcome
from incident_commander.api.kinds import POD
from incident_commander.api.plan import ActionName
from incident_commander.cli.rehearsed import RehearsedSystem
from tests.simulation.run import EXECUTOR_USER, Run, hold, rehearse

ONLY = {
    ActionName.EVICT_POD: ("create", "eviction"),
    ActionName.DELETE_POD: ("delete", None),
    ActionName.ISOLATE_POD: ("patch", None),
}


def acted(run: Run) -> list[tuple[str, str | None]]:
    return [(e.call.verb, e.call.subresource) for e in run.workload_writes()]


def action(incident: Incident) -> ActionName:
    return incident.status.execution.attempts[-1].steps[0].action


@pytest.mark.parametrize("only", ONLY)
async def test_a_pod_that_fails_is_taken_out_of_service_and_the_others_go_on(only: ActionName) -> None:
    run = await rehearse("one-pod-fails", 3, actions=[only])
    hold(run)
    assert run.incident.status.outcome is Outcome.REMEDIATED, run.incident.status.message
    assert action(run.incident) is only
    assert acted(run) == [ONLY[only]]
    labels = [pod["metadata"]["labels"] for pod in run.stage.world.api.store.scan(POD)]
    kept = [found for found in labels if "incidentcommander.io/isolated" in found]
    assert len(kept) == (only is ActionName.ISOLATE_POD)


@pytest.mark.parametrize("only", ONLY)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3])
async def test_an_executor_killed_at_any_write_acts_once(only: ActionName, write: int, after: bool) -> None:
    def kill(system: RehearsedSystem) -> None:
        system.world.faults.crash(EXECUTOR_USER, at_write=write, after=after)

    run = await rehearse("one-pod-fails", 3, disturb=kill, actions=[only])
    hold(run)
    assert acted(run) == [ONLY[only]]
    assert run.incident.status.outcome is Outcome.REMEDIATED, run.incident.status.message


def moved(run: Run) -> int:
    return acted(run).count(("create", "eviction"))


async def test_a_node_under_pressure_is_drained_as_budgets_allow_and_handed_over() -> None:
    run = await rehearse("node-pressure", 3)
    hold(run)
    assert run.incident.status.outcome is Outcome.ESCALATED
    steps = run.incident.status.execution.attempts[-1].steps
    assert [s.action for s in steps] == ["DrainNode", *["EvictPod"] * (len(steps) - 2), "Escalate"]
    assert acted(run) == [("patch", None), *[("create", "eviction")] * (len(steps) - 2)]
    assert moved(run) > 0
    assert run.stage.healthy(), "what was moved runs elsewhere"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3, 4])
async def test_an_executor_killed_in_the_middle_of_a_drain_moves_each_pod_once(write: int, after: bool) -> None:
    def kill(system: RehearsedSystem) -> None:
        system.world.faults.crash(EXECUTOR_USER, at_write=write, after=after)

    calm, run = await rehearse("node-pressure", 3), await rehearse("node-pressure", 3, disturb=kill)
    hold(run)
    assert moved(run) == moved(calm)
    assert acted(run).count(("patch", None)) == 1
    assert run.stage.healthy()
