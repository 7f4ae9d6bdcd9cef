"""All of the operator is killed while it drains a node: it goes on where it was, and evicts no pod twice."""

from __future__ import annotations

from e2e.harness.stage import ENDED_SECONDS, Stage
from e2e.harness.waiting import NotYet, wait_for
from e2e.scenarios.node_drained.scenario import drains
from e2e.scenarios.operator_killed.scenario import kill_and_start

LETTER = "+"
ALONE = True
ABOUT_NODES = True


async def play(stage: Stage) -> None:
    await drains(stage, meanwhile=_kill_after_the_first_write)


async def _kill_after_the_first_write(stage: Stage) -> None:
    node = f"/api/v1/nodes/{stage.nodes[0]}"

    async def ask() -> None:
        if not await stage.cordoned(node):
            raise NotYet("not cordoned")

    await wait_for("the node to be cordoned", ask, seconds=ENDED_SECONDS, say=stage.say, every=0.02)
    stage.say(f"{len(await stage.pods('web'))} pods when everything is killed")
    await kill_and_start(stage)
