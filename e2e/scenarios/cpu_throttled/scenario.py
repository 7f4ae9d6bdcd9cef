"""API overload: work comes in, and the CPU limit throttles it: the limit is raised within policy, Resolved."""

from __future__ import annotations

import json

from e2e.harness.stage import Stage

LETTER = "4"


async def play(stage: Stage) -> None:
    await stage.deploy()
    await stage.execute("api", "echo busy > /tmp/busy")
    incident = await stage.ended(await stage.incident(), "Resolved", "Remediated")
    stage.diagnosed(incident, "CPUThrottled")
    stage.attempted(incident, "SetResources")
    after = json.loads((await stage.snapshot("api")).wanted)
    limit = after["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"]
    stage.check(limit.endswith("m") and 60 < int(limit[:-1]) <= 400, f"the limit is {limit} now", limit)
