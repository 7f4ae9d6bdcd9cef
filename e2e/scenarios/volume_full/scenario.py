"""Storage failure: a volume fills, and its class can grow it: the claim is grown within policy, Resolved."""

from __future__ import annotations

from e2e.harness import volume
from e2e.harness.stage import Stage

LETTER = "5"
CORE = True
LOCAL = True


async def play(stage: Stage) -> None:
    claim = f"/api/v1/namespaces/{stage.namespace}/persistentvolumeclaims/ledger"
    async with (
        volume.mounted(stage.namespace, gibibytes=1),
        volume.simulated_resizer(stage.api, stage.namespace, "ledger", stage.say),
    ):
        await stage.add("class.yaml")
        await stage.deploy("ledger")
        before = await stage.snapshot("ledger")
        written = await stage.execute("ledger", volume.FILL)
        incident = await stage.ended(await stage.incident(), "Resolved", "Remediated")
        stage.diagnosed(incident, "VolumeFull")
        stage.attempted(incident, "ExpandVolume")
        found = await stage.api.get(claim)
        sizes = (found["spec"]["resources"]["requests"]["storage"], found["status"]["capacity"]["storage"])
        stage.check(sizes == ("2Gi", "2Gi"), "the claim asks for 2Gi and has 2Gi", str(sizes))
        await stage.untouched("ledger", before)
        size = await stage.execute("ledger", "stat -c %s /data/archive")
        stage.check(size == written, "what was written is there", size)
