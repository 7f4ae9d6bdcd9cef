"""What the executor would refuse is not put to the vote, and the Incident says which guard and until when."""

from datetime import timedelta

import pytest

from incident_commander.api.conditions import ConditionType, find_condition
from incident_commander.api.incident import Outcome, Phase
from incident_commander.api.kinds import DEPLOYMENT
from incident_commander.api.meta import format_time
from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.api.plan import ActionName
from incident_commander.api.policy import FreezeWindow, Mode
from incident_commander.cli.rehearsed import RehearsedSystem
from incident_commander.rehearsal.clock import EPOCH
from incident_commander.surroundings import BREAKER_CONFIG_MAP
from tests.simulation.run import Run, hold, rehearse


def ours(run: Run) -> int:
    return len([e for e in run.system.world.audit.writes() if "incident-commander:" in e.call.user])


def window(hours: float) -> list[FreezeWindow]:
    """From the start of the rehearsal."""
    until = format_time(EPOCH + timedelta(hours=hours))
    return [FreezeWindow(name="release-night", from_=format_time(EPOCH), until=until)]


def opt_out(system: RehearsedSystem) -> None:
    def put_label() -> None:
        for found in list(system.world.api.store.scan(DEPLOYMENT)):
            labels = {**found["metadata"].get("labels", {}), "incidentcommander.io/managed": "false"}
            meta = {**found["metadata"], "labels": labels}
            system.world.edit(DEPLOYMENT, found["metadata"]["namespace"], found["metadata"]["name"], metadata=meta)

    put_label()


def trip(system: RehearsedSystem) -> None:
    data = {"state": "Tripped", "reason": "3 of the last 5 attempts failed"}
    system.world.set_config(OPERATOR_NAMESPACE, BREAKER_CONFIG_MAP, data)


@pytest.mark.parametrize(("disturb", "reason"), [(opt_out, "OptedOut"), (trip, "BreakerTripped")])
async def test_what_is_never_allowed_is_not_proposed(disturb, reason: str) -> None:  # type: ignore[no-untyped-def]
    run = await rehearse("bad-image", 3, disturb=disturb)
    hold(run)
    status = run.incident.status
    assert run.workload_writes() == []
    assert (status.phase, status.consensus.round, status.execution.attempts) == (Phase.ESCALATED, 0, [])
    told = "; ".join(entry.message for entry in status.timeline)
    assert reason in told, told


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.OBSERVE])
async def test_an_action_that_the_installation_does_not_enable_is_told_to_people_and_never_tried(mode: Mode) -> None:
    run = await rehearse("memory-limit-too-low", 3, mode=mode, disabled_actions=frozenset({ActionName.SET_RESOURCES}))
    hold(run)
    status = run.incident.status
    assert run.workload_writes() == []
    assert (status.phase, status.consensus.round, status.execution.attempts) == (Phase.ESCALATED, 0, [])
    assert "the fix is: set resources" in status.message
    assert "actions.SetResources=true" in status.message


async def test_an_action_that_the_policy_does_not_list_gives_way_to_the_next_candidate() -> None:
    run = await rehearse("bad-image", 3, actions=[a for a in ActionName if a is not ActionName.ROLLBACK_ROLLOUT])
    hold(run)
    told = "; ".join(entry.message for entry in run.incident.status.timeline)
    assert "ActionNotAllowed" in told, told
    assert ActionName.ROLLBACK_ROLLOUT not in {a.steps[0].action for a in run.incident.status.execution.attempts}


async def test_a_freeze_window_that_ends_soon_is_waited_for_and_the_fix_is_made_then() -> None:
    run = await rehearse("bad-image", 3, freeze_windows=window(0.4))
    hold(run)
    status = run.incident.status
    assert status.outcome is Outcome.REMEDIATED, status.message
    assert status.consensus.round == 1, "it was not put to the vote before"
    assert "FreezeWindow" in [entry.reason for entry in status.timeline]
    (attempt,) = status.execution.attempts
    assert attempt.started_at >= EPOCH + timedelta(hours=0.4)
    assert ours(run) <= 30


async def test_a_freeze_window_that_lasts_ends_as_a_recommendation_that_says_until_when() -> None:
    run = await rehearse("bad-image", 3, freeze_windows=window(48))
    hold(run)
    status = run.incident.status
    assert run.workload_writes() == []
    assert (status.outcome, status.consensus.round) == (Outcome.RECOMMENDED, 0)
    until = f"{EPOCH + timedelta(hours=48):%Y-%m-%d %H:%M} UTC"
    assert f"freeze window release-night is on until {until}" in status.message
    asked = find_condition(status.conditions, ConditionType.CONSENSUS_REACHED)
    assert asked is not None
    assert asked.reason == "FreezeWindow"
    assert status.plan is not None, "what could be done is there to be read"
    assert ours(run) <= 20
