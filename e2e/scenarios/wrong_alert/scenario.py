"""The alert is wrong, the workload is well: nothing is patched, whatever the policy allows."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "o"
CORE = True


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    before = await stage.snapshot("web")
    await stage.create("trigger.yaml")
    name = await stage.incident()
    incident = await stage.phase(name, ["Escalated", "Closed"])
    stage.attempted(incident)
    await stage.untouched("web", before)
    cause, sure = incident["status"].get("cause", ""), incident["status"].get("confidence", 0)
    stage.check(cause in ("", "Unknown") or sure < 50, "nothing is claimed to be wrong", f"{cause} {sure}%")
