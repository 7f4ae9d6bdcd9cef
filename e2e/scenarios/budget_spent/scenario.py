"""A pod does not answer, and its disruption budget is spent: nothing is evicted, people are told which budget."""

from __future__ import annotations

from e2e.harness.stage import Stage
from e2e.scenarios.pod_evicted.shop import wedge_one

LETTER = "r"


async def play(stage: Stage) -> None:
    sick, well = await wedge_one(stage, min_available=3)
    before = await stage.snapshot("shop")
    incident = await stage.ended(await stage.incident(), "Escalated", "Escalated")
    stage.diagnosed(incident, "AppNotAnswering")
    stage.attempted(incident)
    told = str(incident["status"]["timeline"]) + incident["status"].get("message", "")
    stage.check("PodDisruptionBudget shop" in told, "the budget is named", told)
    now = {pod["metadata"]["uid"] for pod in await stage.pods("shop")}
    stage.check(
        now == {pod["metadata"]["uid"] for pod in [sick, *well]}, "all three pods are those that were", str(now)
    )
    await stage.untouched("shop", before)
