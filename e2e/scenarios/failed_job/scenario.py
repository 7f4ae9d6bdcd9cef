"""A migration Job fails: handed to people with its exit code."""

from __future__ import annotations

from e2e.harness.stage import Stage

LETTER = "m"


async def play(stage: Stage) -> None:
    await stage.permit()
    await stage.create("workload.yaml")
    incident = await stage.ended(await stage.incident(), "Escalated", "Escalated")
    stage.diagnosed(incident, "JobFailed")
    stage.attempted(incident)
