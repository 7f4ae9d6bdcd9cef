"""The target is deleted while a plan awaits approval: Closed, and it says why."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "f"
CORE = True


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    await stage.roll_out("web", image=stage.variables["MISSING_IMAGE"])
    name = await stage.incident()
    await stage.phase(name, ["AwaitingApproval"])

    await stage.delete("web")
    incident = await stage.ended(name, "Closed", "Inconclusive", seconds=90)

    resolved = next(c for c in incident["status"]["conditions"] if c["type"] == "Resolved")
    told = (resolved["status"], resolved["reason"])
    stage.check(
        told == ("False", "TargetDeleted"), "the condition Resolved is False because of TargetDeleted", str(told)
    )
    attempts = incident["status"].get("execution", {}).get("attempts", [])
    stage.check(not attempts, "nothing was attempted", str(attempts))
