"""Storage failure: a volume fills, and its class cannot grow it: nothing is touched, people are told exactly why."""

from __future__ import annotations

from e2e.harness import volume
from e2e.harness.stage import Stage

LETTER = "5"
LOCAL = True


async def play(stage: Stage) -> None:
    claim = f"/api/v1/namespaces/{stage.namespace}/persistentvolumeclaims/ledger"
    async with volume.mounted(stage.namespace, gibibytes=1):
        await stage.add("class.yaml")
        await stage.deploy("ledger")
        before, deployed = (await stage.api.get(claim))["spec"], await stage.snapshot("ledger")
        await stage.execute("ledger", volume.FILL)
        incident = await stage.ended(await stage.incident(), "Escalated", "Escalated")
        stage.diagnosed(incident, "VolumeFull")
        stage.attempted(incident)
        told = str(incident["status"]["timeline"]) + incident["status"].get("message", "")
        stage.check("expandable: false" in told, "people are told that the class allows no expansion", told)
        stage.check((await stage.api.get(claim))["spec"] == before, "the claim was left alone", str(before))
        await stage.untouched("ledger", deployed)
