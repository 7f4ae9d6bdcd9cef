"""One of three replicas does not answer any more: evicted, as its disruption budget allows; Resolved."""

from __future__ import annotations

from e2e.harness.stage import Stage
from e2e.scenarios.pod_evicted.shop import replaces_the_wedged_pod

LETTER = "q"


async def play(stage: Stage) -> None:
    await replaces_the_wedged_pod(stage, "EvictPod")
