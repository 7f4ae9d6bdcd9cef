"""No policy matches: Recommended, nothing patched."""

from __future__ import annotations

from e2e.harness.stage import Stage
from e2e.scenarios.observe.scenario import recommends

LETTER = "d"
CORE = True


async def play(stage: Stage) -> None:
    await recommends(stage)
