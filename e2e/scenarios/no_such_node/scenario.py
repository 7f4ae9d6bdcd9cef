"""No node carries the label that a workload selects: handed to people, who decide where it may run."""

from __future__ import annotations

from e2e.harness.api import deployment
from e2e.harness.stage import Stage

LETTER = "k"


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    selector = {"spec": {"template": {"spec": {"nodeSelector": {"disktype": "nvme"}}}}}
    await stage.change(deployment(stage.namespace, "web"), selector)
    before = await stage.snapshot("web")
    incident = await stage.ended(await stage.incident(), "Escalated", "Escalated")
    stage.diagnosed(incident, "UnschedulableAffinity")
    stage.attempted(incident)
    await stage.untouched("web", before)
