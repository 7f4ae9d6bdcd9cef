"""Where nothing has to be done: what heals by itself, and what is healthy."""

from __future__ import annotations

from incident_commander.api.causes import Cause
from incident_commander.api.incident import Outcome
from incident_commander.rehearsal.behaviour import Behaviour, Context, Exit
from incident_commander.rehearsal.scenarios.scenario import Scenario, Service, Stage, Truth
from incident_commander.rehearsal.world import World


def _self_healing(world: World) -> Stage:
    state = {"down": False}
    lost = Exit(1, ("FATAL: dial tcp: lookup ledger.partner.example: no such host", "giving up"))

    def program(context: Context) -> Behaviour:
        if state["down"]:
            return Behaviour(start_lines=(f"starting {context.tag}",), exit_after=1.0, exit=lost)
        lines = (f"starting {context.tag}", "connected to ledger.partner.example")
        return Behaviour(start_lines=lines, failing=lambda: lost if state["down"] else None)

    service = Service.drawn(world, program)
    service.deploy()
    after, outage = world.rng.uniform(360, 720), world.rng.uniform(95, 130)
    world.clock.after(after, lambda: state.update(down=True))
    world.clock.after(after + outage, lambda: state.update(down=False))
    return service.stage(after, f"{service.name} loses a partner's API for {outage:.0f} s, and recovers by itself")


SELF_HEALING = Scenario(
    "self-healing",
    "An outage elsewhere that passes by itself",
    Truth(Cause.DEPENDENCY_DOWN, frozenset({None, Outcome.SELF_HEALED, Outcome.ESCALATED, Outcome.INCONCLUSIVE})),
    _self_healing,
)


def _healthy(world: World) -> Stage:
    def program(context: Context) -> Behaviour:
        return Behaviour(start_lines=(f"starting {context.tag}",), chatter="GET /healthz 200")

    service = Service.drawn(world, program)
    service.deploy()
    after = world.rng.uniform(300, 600)
    world.clock.after(after, lambda: service.roll_out(tag=service.tags[1], change="an ordinary release"))
    return service.stage(None, f"{service.name} is healthy, and gets an ordinary release")


HEALTHY = Scenario(
    "healthy",
    "A healthy workload with an ordinary release",
    Truth(None, frozenset({None})),
    _healthy,
)
