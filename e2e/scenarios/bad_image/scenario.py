"""A rollout brings an image that does not exist: rolled back, Resolved."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "a"
CORE = True


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    before = await stage.snapshot("web")
    await stage.roll_out("web", image=stage.variables["MISSING_IMAGE"])

    name = await stage.incident()
    incident = await stage.ended(name, "Resolved", "Remediated")

    await stage.as_before("web", before, "the rollout")
    await stage.available("web")
    stage.check(
        incident["status"]["cause"] == "ImageNotFound", "the cause is ImageNotFound", incident["status"]["cause"]
    )
    await stage.resolved_for_kubectl_wait(name)
    await stage.verified_offline(incident)
