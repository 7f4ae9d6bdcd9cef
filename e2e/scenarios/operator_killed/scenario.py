"""All of the operator is killed right after its write: it resumes, and does not write twice."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "+"
CORE = True
ALONE = True


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    before = await stage.snapshot("web")
    await stage.roll_out("web", image=stage.variables["MISSING_IMAGE"])
    broken = await stage.snapshot("web")
    name = await stage.incident()

    await stage.written("web", broken)
    await stage.operator.kill(stage.say)
    incident = await stage.read(name)
    stage.say(f"phase {incident['status']['phase']} when everything was killed")
    await stage.operator.start(stage.say)

    incident = await stage.ended(name, "Resolved", "Remediated")
    await stage.as_before("web", before, "the rollout")
    after = await stage.snapshot("web")
    stage.check(
        after.generation == broken.generation + 1,
        "the workload was written to exactly once",
        f"generation went from {broken.generation} to {after.generation}",
    )
    await stage.verified_offline(incident)
