"""Argo CD keeps what is broken: a proposal for its repository, nothing patched; made there, it mends."""

from __future__ import annotations

from e2e.harness.api import deployment
from e2e.harness.stage import Stage

LETTER = "A"
CORE = True


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    tracked = {"argocd.argoproj.io/tracking-id": f"shop:apps/Deployment:{stage.namespace}/web"}
    await stage.settle(deployment(stage.namespace, "web"), {"metadata": {"annotations": tracked}})
    sound = await stage.snapshot("web")
    await stage.roll_out("web", image=stage.variables["MISSING_IMAGE"])
    before = await stage.snapshot("web")
    name = await stage.incident()
    incident = await stage.ended(name, "Closed", "Recommended")
    stage.diagnosed(incident, "ImageNotFound")
    stage.attempted(incident)
    steps = [step["action"] for step in incident["status"]["plan"]["steps"]]
    stage.check(steps == ["GitOpsProposal"], "the plan is a proposal", str(steps))
    await stage.untouched("web", before)

    said = (await stage.cli("proposal", name)).out
    await stage.kustomize(deployment(stage.namespace, "web"), said)
    await stage.available("web")
    await stage.as_before("web", sound, "the rollout, once the repository has what was proposed")
