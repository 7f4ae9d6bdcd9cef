"""kubelet and containerd are killed right after the write, and started again: Resolved, one write."""

from __future__ import annotations

from e2e.harness import node
from e2e.harness.stage import Stage

LETTER = "+"
ALONE = True
LOCAL = True


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    before = await stage.snapshot("web")
    await stage.roll_out("web", image=stage.variables["MISSING_IMAGE"])
    broken = await stage.snapshot("web")
    name = await stage.incident()
    await stage.written("web", broken)
    await node.restart(stage.say)
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
