"""Seeded incidents of known truth, with nothing else going wrong."""

import pytest

from incident_commander.api.incident import Outcome, Phase
from incident_commander.api.kinds import DEPLOYMENT, INCIDENT
from incident_commander.api.policy import Mode
from incident_commander.cli.rehearsed import RehearsedSystem, policy
from incident_commander.rehearsal.scenarios.catalogue import SCENARIOS
from incident_commander.rehearsal.world import World
from tests.simulation.run import hold, rehearse


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("name", SCENARIOS)
async def test_every_scenario_ends_as_its_truth_allows(name: str, seed: int) -> None:
    run = await rehearse(name, seed)
    hold(run)
    if not run.incidents:
        assert None in run.truth.outcomes, "no Incident was made of a real fault"
        return
    for incident in run.incidents:
        assert incident.status.outcome in run.truth.outcomes, incident.status.message
        if run.truth.cause is not None:
            assert incident.status.cause == run.truth.cause


async def test_the_same_seed_repeats_to_the_byte() -> None:
    first, second = [await rehearse("bad-image", 7) for _ in range(2)]
    assert first.incident.to_json() == second.incident.to_json()


@pytest.mark.parametrize("name", ["bad-image", "crashing-release", "memory-limit-too-low", "unhelpful-fix"])
async def test_in_mode_observe_nothing_is_ever_written(name: str) -> None:
    run = await rehearse(name, 3, mode=Mode.OBSERVE)
    assert run.workload_writes() == []
    assert run.incident.status.outcome is Outcome.RECOMMENDED


async def test_without_anybody_to_approve_nothing_is_written() -> None:
    run = await rehearse("bad-image", 3, mode=Mode.APPROVE)
    assert run.workload_writes() == []
    assert run.incident.status.outcome is Outcome.EXPIRED


async def test_a_namespace_that_did_not_opt_in_is_left_alone() -> None:
    def opt_out(system):  # type: ignore[no-untyped-def]
        for namespace in system.world.api.store.scan(NAMESPACE):
            labels = {**namespace["metadata"].get("labels", {}), "incidentcommander.io/managed": "false"}
            meta = {**namespace["metadata"], "labels": labels}
            system.world.edit(NAMESPACE, None, namespace["metadata"]["name"], metadata=meta)

    from incident_commander.api.kinds import NAMESPACE

    run = await rehearse("bad-image", 3, disturb=opt_out)
    assert run.workload_writes() == []
    assert run.incident.status.phase is Phase.ESCALATED


async def test_a_plan_whose_target_is_deleted_while_it_waits_for_a_person_is_closed() -> None:
    """Also where the Incident only names its target: the plan pins the UID."""
    world = World(3)
    system = RehearsedSystem(world, policies=[policy(Mode.APPROVE)])
    stage = SCENARIOS["bad-image"].prepare(world)

    def waiting() -> bool:
        return any(i.status.phase is Phase.AWAITING_APPROVAL for i in system.incidents())

    assert await system.engine.run(seconds=3600, until=waiting)
    (found,) = list(world.api.store.scan(INCIDENT))
    meta, named = found["metadata"], {k: v for k, v in found["spec"]["targetRef"].items() if k != "uid"}
    world.edit(INCIDENT, meta["namespace"], meta["name"], spec={**found["spec"], "targetRef": named})
    await world.cluster().delete(DEPLOYMENT, stage.namespace, stage.name)
    await system.engine.run(seconds=20)
    (incident,) = system.incidents()
    assert (incident.status.phase, incident.status.outcome) == (Phase.CLOSED, Outcome.INCONCLUSIVE)
    assert incident.status.message == "the target was deleted meanwhile; nothing was changed"
