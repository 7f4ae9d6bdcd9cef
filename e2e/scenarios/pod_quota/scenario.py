"""A quota on Pods stops a workload that is scaled up: handed to people with the quota's name."""

from __future__ import annotations

from e2e.harness.api import deployment
from e2e.harness.stage import Stage

LETTER = "j"


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    await stage.create("quota.yaml")
    await stage.change(deployment(stage.namespace, "web"), {"spec": {"replicas": 5}})
    incident = await stage.ended(await stage.incident(), "Escalated", "Escalated")
    stage.diagnosed(incident, "QuotaExceeded")
    stage.attempted(incident)
