"""A shop of three replicas, one of which says that it is not well."""

from __future__ import annotations

from e2e.harness.api import Json
from e2e.harness.stage import Stage


async def wedge_one(stage: Stage, *, min_available: int = 2) -> tuple[Json, list[Json]]:
    """Make one pod say so, when all of them have run for long enough; answers that one and the others.

    ``min_available``: what the disruption budget asks for.
    """
    await stage.deploy("shop")
    budget = f"/apis/policy/v1/namespaces/{stage.namespace}/poddisruptionbudgets/shop"
    await stage.api.merge(budget, {"spec": {"minAvailable": min_available}})
    await stage.aged("shop")
    await stage.calm()
    sick, *well = await stage.pods("shop")
    await stage.execute(f"pod/{sick['metadata']['name']}", "touch /tmp/wedged")
    return sick, well


async def replaces_the_wedged_pod(stage: Stage, action: str) -> None:
    """By that action: the wedged pod goes, another one comes, and the two that were well stay."""
    sick, well = await wedge_one(stage)
    before = await stage.snapshot("shop")
    incident = await stage.ended(await stage.incident(), "Resolved", "Remediated")
    stage.diagnosed(incident, "AppNotAnswering")
    stage.attempted(incident, action)
    await stage.available("shop")
    now = {pod["metadata"]["uid"] for pod in await stage.pods("shop")}
    kept = {pod["metadata"]["uid"] for pod in well}
    stage.check(sick["metadata"]["uid"] not in now, "the wedged pod is gone", str(now))
    stage.check(kept <= now and len(now) == 3, "the two that were well are those that were", f"{kept} {now}")
    await stage.untouched("shop", before)
