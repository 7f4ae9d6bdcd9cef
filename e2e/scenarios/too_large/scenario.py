"""A workload asks for more CPU than any node has: handed to people with the request."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "l"


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    await stage.roll_out("web", resources={"requests": {"cpu": "64"}})
    before = await stage.snapshot("web")
    incident = await stage.ended(await stage.incident(), "Escalated", "Escalated")
    stage.diagnosed(incident, "UnschedulableResources")
    stage.attempted(incident)
    await stage.untouched("web", before)
