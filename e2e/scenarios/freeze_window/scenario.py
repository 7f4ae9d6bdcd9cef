"""Planned maintenance: the fix is known and allowed, and a freeze window is on: recommended, nothing patched."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "p"
CORE = True


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    await stage.roll_out("web", image=stage.variables["MISSING_IMAGE"])
    before = await stage.snapshot("web")
    incident = await stage.ended(await stage.incident(), "Closed", "Recommended")
    stage.diagnosed(incident, "ImageNotFound")
    stage.attempted(incident)
    told = str(incident["status"]["timeline"]) + incident["status"].get("message", "")
    stage.check("planned-maintenance" in told, "the window is named", told)
    await stage.untouched("web", before)
