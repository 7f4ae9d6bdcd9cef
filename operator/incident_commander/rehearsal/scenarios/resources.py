"""Memory and CPU: too little, or never enough."""

from __future__ import annotations

from incident_commander.api.causes import Cause
from incident_commander.api.incident import Outcome
from incident_commander.api.plan import ActionName
from incident_commander.rehearsal.behaviour import MIB, Behaviour, Context
from incident_commander.rehearsal.scenarios.scenario import Scenario, Service, Stage, Truth
from incident_commander.rehearsal.world import World


def _limit_too_low(world: World) -> Stage:
    more = world.rng.uniform(1.05, 1.18)
    state = {"grown": False}

    def program(context: Context) -> Behaviour:
        size = service.limit * (more if state["grown"] else 0.7)
        lines = (f"starting {context.container} {context.tag}", "loading the catalogue into memory")
        return Behaviour(memory_bytes=int(size), start_lines=lines, ready_after=3.0)

    service = Service.drawn(world, program)
    service.deploy()
    after = world.rng.uniform(600, 900)

    def grow() -> None:
        state["grown"] = True
        world.kubelet.reconsider(service.repository)

    world.clock.after(after, grow)
    return service.stage(after, f"{service.name} now needs {more:.0%} of its memory limit, and no more than that")


LIMIT_TOO_LOW = Scenario(
    "memory-limit-too-low",
    "The working set has outgrown the memory limit, and is level",
    Truth(Cause.MEMORY_LIMIT_TOO_LOW, frozenset({Outcome.REMEDIATED}), frozenset({ActionName.SET_RESOURCES})),
    _limit_too_low,
)


def _leak(world: World) -> Stage:
    minutes = world.rng.uniform(13, 22)
    start = 60 * MIB

    def program(context: Context) -> Behaviour:
        growth = (service.limit - start) / (minutes * 60)
        return Behaviour(memory_bytes=start, memory_growth=growth, start_lines=(f"starting {context.tag}",))

    service = Service.drawn(world, program)
    service.deploy()
    return service.stage(0.0, f"{service.name} leaks: it fills its memory limit in {minutes:.0f} minutes")


LEAK = Scenario(
    "memory-leak",
    "Memory grows without end",
    Truth(
        Cause.MEMORY_LEAK,
        frozenset({Outcome.REMEDIATED, Outcome.ESCALATED, Outcome.PREVENTED, Outcome.SELF_HEALED}),
        frozenset({ActionName.RESTART_ROLLOUT}),
    ),
    _leak,
)


def _throttled(world: World) -> Stage:
    demand = world.rng.uniform(0.6, 0.9)
    state = {"busy": False}

    def program(context: Context) -> Behaviour:
        cores = demand if state["busy"] else 0.1
        slow = 0.4 if state["busy"] else 0.02
        return Behaviour(cpu_cores=cores, answer_seconds=slow, start_lines=(f"starting {context.tag}",))

    service = Service.drawn(world, program, cpu="300m")
    service.deploy()
    after = world.rng.uniform(600, 900)

    def rise() -> None:
        state["busy"] = True
        world.kubelet.reconsider(service.repository)

    world.clock.after(after, rise)
    return service.stage(after, f"{service.name} wants {demand:.2f} cores and may have 0.3")


THROTTLED = Scenario(
    "cpu-throttled",
    "Demand has outgrown the CPU limit",
    Truth(
        Cause.CPU_THROTTLED,
        frozenset({Outcome.REMEDIATED, Outcome.ESCALATED}),
        frozenset({ActionName.SET_RESOURCES, ActionName.SCALE_WORKLOAD}),
    ),
    _throttled,
)
