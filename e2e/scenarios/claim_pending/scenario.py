"""Storage failure: a claim asks for a class that does not exist, so its Pod waits: handed to people, who are told."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "5"
CORE = True


async def play(stage: Stage) -> None:
    await stage.permit()
    await stage.create("workload.yaml")
    incident = await stage.ended(await stage.incident(), "Escalated", "Escalated")
    stage.diagnosed(incident, "VolumeClaimPending", "StorageClassMissing")
    told = f"{incident['status'].get('hypotheses')}"
    stage.check("fast-replicated" in told, "the missing class is named", told)
    stage.attempted(incident)
