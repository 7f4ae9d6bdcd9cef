"""All of the operator is killed right after its write: it resumes, and does not write twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from e2e.harness.stage import Stage

LETTER = "+"
CORE = True
ALONE = True


async def play(stage: Stage) -> None:
    await goes_on_after(stage, kill_and_start)


async def kill_and_start(stage: Stage) -> None:
    """Every process at once, in whatever they are about."""
    await stage.operator.kill(stage.say)
    (name,) = stage.seen
    stage.say(f"phase {(await stage.read(name))['status']['phase']} when everything was killed")
    await stage.operator.start(stage.say)


async def goes_on_after(stage: Stage, interruption: Callable[[Stage], Awaitable[None]]) -> None:
    """A bad release is rolled back; right after that write comes the interruption. Resolved, with one write."""
    await stage.deploy("web")
    before = await stage.snapshot("web")
    await stage.roll_out("web", image=stage.variables["MISSING_IMAGE"])
    broken = await stage.snapshot("web")
    name = await stage.incident()

    await stage.written("web", broken)
    await interruption(stage)

    incident = await stage.ended(name, "Resolved", "Remediated")
    stage.attempted(incident, "RollbackRollout")
    await stage.as_before("web", before, "the rollout")
    await stage.available("web")
    after = await stage.snapshot("web")
    stage.check(
        after.generation == broken.generation + 1,
        "the workload was written to exactly once",
        f"generation went from {broken.generation} to {after.generation}",
    )
    await stage.verified_offline(incident)
