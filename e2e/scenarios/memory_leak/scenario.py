"""Memory leak: contained by a restart and handed to people as a leak; the limit is never raised for it."""

from __future__ import annotations

import json

from e2e.harness.stage import Stage

LETTER = "3"


async def play(stage: Stage) -> None:
    await stage.deploy()
    before = await stage.snapshot("session-store")
    stage.broken("it leaks 256 KiB a second")
    incident = await stage.ended(await stage.incident(360), "Escalated", "Escalated")
    stage.diagnosed(incident, "MemoryLeak")
    limits = [
        json.loads(snapshot.wanted)["spec"]["template"]["spec"]["containers"][0]["resources"]
        for snapshot in (before, await stage.snapshot("session-store"))
    ]
    stage.check(limits[0] == limits[1], "the limit is what it was", str(limits))
    attempts = incident["status"].get("execution", {}).get("attempts", [])
    actions = {step["action"] for attempt in attempts for step in attempt["steps"] if step["verb"] != "None"}
    stage.check(actions <= {"RestartRollout"}, "at most restarted", str(actions))
