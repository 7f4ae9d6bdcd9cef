"""A rollout refers to a ConfigMap that nobody made: rolled back, Resolved."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "g"
CORE = True


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    before = await stage.snapshot("web")
    await stage.roll_out("web", envFrom=[{"configMapRef": {"name": "web-settings"}}])
    incident = await stage.ended(await stage.incident(), "Resolved", "Remediated")
    stage.diagnosed(incident, "ConfigMissing")
    stage.attempted(incident, "RollbackRollout")
    await stage.as_before("web", before, "the rollout")
    await stage.available("web")
