"""What the cache must hold outgrows its memory limit: raised, Resolved."""

from __future__ import annotations

import json

from e2e.harness.stage import Stage

LETTER = "b"
CORE = True


async def play(stage: Stage) -> None:
    await stage.deploy("cache")
    before = await stage.snapshot("cache")
    await stage.execute("catalogue", "echo 30 > /tmp/www/megabytes")

    name = await stage.incident()
    incident = await stage.ended(name, "Resolved", "Remediated")

    await stage.available("cache")
    status = incident["status"]
    stage.check(status["cause"] == "MemoryLimitTooLow", "the cause is MemoryLimitTooLow", status["cause"])
    after = json.loads((await stage.snapshot("cache")).wanted)
    container = after["spec"]["template"]["spec"]["containers"][0]
    limit = container["resources"]["limits"]["memory"]
    stage.check(limit.endswith("Mi") and int(limit[:-2]) > 30, f"the limit is {limit} now", f"the limit is {limit}")
    container["resources"] = json.loads(before.wanted)["spec"]["template"]["spec"]["containers"][0]["resources"]
    stage.check(after == json.loads(before.wanted), "nothing but resources was changed", json.dumps(after))
    await stage.verified_offline(incident)
