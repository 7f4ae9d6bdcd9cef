"""A rollout asks a port for readiness at which nothing listens: rolled back, Resolved."""

from __future__ import annotations

from e2e.harness.api import deployment
from e2e.harness.stage import Stage

LETTER = "i"


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    # A rollout is called stuck after ten minutes by default; nobody wants to wait for that here.
    await stage.settle(deployment(stage.namespace, "web"), {"spec": {"progressDeadlineSeconds": 15}})
    before = await stage.snapshot("web")
    probe = {"httpGet": {"path": "/", "port": 9999}, "periodSeconds": 2}
    await stage.roll_out("web", readinessProbe=probe)
    incident = await stage.ended(await stage.incident(), "Resolved", "Remediated")
    stage.diagnosed(incident, "ProbeMisconfigured")
    stage.attempted(incident, "RollbackRollout")
    await stage.as_before("web", before, "the rollout")
    await stage.available("web")
