"""The fix is one that policy does not allow: nothing is patched, people are told."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "n"
CORE = True


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    await stage.roll_out("web", image=stage.variables["MISSING_IMAGE"])
    before = await stage.snapshot("web")
    incident = await stage.ended(await stage.incident(), "Escalated", "Escalated")
    stage.diagnosed(incident, "ImageNotFound")
    stage.attempted(incident)
    await stage.untouched("web", before)
