"""kubelet and containerd are killed right after the write, and started again: Resolved, one write."""

from __future__ import annotations

from e2e.harness import node
from e2e.harness.stage import Stage
from e2e.scenarios.operator_killed.scenario import goes_on_after

LETTER = "+"
CORE = True
ALONE = True
LOCAL = True


async def play(stage: Stage) -> None:
    await goes_on_after(stage, lambda stage: node.restart(stage.say))
