"""A rollout brings a variable that the program cannot read: it gets the old one back, and the rest stays; Resolved."""

from __future__ import annotations

import json

from e2e.harness.stage import Stage

LETTER = "w"
CORE = True


async def play(stage: Stage) -> None:
    await stage.deploy()
    await stage.roll_out("api", env=[{"name": "WORKERS", "value": "many"}], workingDir="/tmp")
    bad = json.loads((await stage.snapshot("api")).wanted)
    incident = await stage.ended(await stage.incident(), "Resolved", "Remediated")
    stage.diagnosed(incident, "CrashAfterRollout")
    stage.attempted(incident, "SetEnv")
    await stage.available("api")
    after = json.loads((await stage.snapshot("api")).wanted)
    environment = after["spec"]["template"]["spec"]["containers"][0].pop("env")
    bad["spec"]["template"]["spec"]["containers"][0].pop("env")
    stage.check(environment == [{"name": "WORKERS", "value": "4"}], "the variable is what it was", str(environment))
    stage.check(after == bad, "the rest of the release was kept", json.dumps(after))
