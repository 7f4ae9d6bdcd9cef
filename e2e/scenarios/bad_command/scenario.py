"""A rollout starts a program that its image does not have: rolled back, Resolved."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "h"


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    before = await stage.snapshot("web")
    await stage.roll_out("web", command=["/srv/start"])
    incident = await stage.ended(await stage.incident(), "Resolved", "Remediated")
    stage.diagnosed(incident, "BadCommand")
    stage.attempted(incident, "RollbackRollout")
    await stage.as_before("web", before, "the rollout")
    await stage.available("web")
