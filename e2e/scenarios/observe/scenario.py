"""The policy says Observe: Recommended, nothing patched."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "d"
CORE = True


async def play(stage: Stage) -> None:
    await recommends(stage)


async def recommends(stage: Stage) -> None:
    await stage.deploy("web")
    await stage.roll_out("web", image=stage.variables["MISSING_IMAGE"])
    before = await stage.snapshot("web")

    name = await stage.incident()
    incident = await stage.ended(name, "Closed", "Recommended")

    plan = incident["status"].get("plan") or {}
    actions = [step["action"] for step in plan.get("steps", [])]
    stage.check(actions == ["RollbackRollout"], "RollbackRollout is recommended", str(actions))
    certificate = incident["status"]["consensus"].get("certificate")
    stage.check(certificate is not None, "the agents agreed on it", "no certificate")
    attempts = incident["status"].get("execution", {}).get("attempts", [])
    stage.check(not attempts, "the executor attempted nothing", str(attempts))
    await stage.untouched("web", before)
