"""The policy says Approve: waits, refuses the wrong person, then acts, Resolved."""

from __future__ import annotations

import asyncio

from e2e.harness.stage import Stage

LETTER = "e"
CORE = True
WAIT_SECONDS = 10


async def play(stage: Stage) -> None:
    await stage.deploy("web")
    sound = await stage.snapshot("web")
    await stage.roll_out("web", image=stage.variables["MISSING_IMAGE"])
    broken = await stage.snapshot("web")
    name = await stage.incident()
    await stage.phase(name, ["AwaitingApproval"])

    await asyncio.sleep(WAIT_SECONDS)
    await stage.untouched("web", broken)
    await stage.phase(name, ["AwaitingApproval"])

    stranger = await stage.cli("approve", name, "--yes", person=stage.people.stranger, check=False)
    stage.check(stranger.code != 0, "a person without the right cannot approve", stranger.said)
    digest = (await stage.read(name))["status"]["plan"]["digest"]
    approval = {"planDigest": digest, "decision": "Approve", "approver": stage.people.approver_name}
    forged = await stage.people.patch_spec(stage.namespace, name, {"approval": approval}, stage.people.colleague)
    stage.check(forged.code != 0, "nobody can approve in another one's name", forged.said)
    await stage.untouched("web", broken)
    await stage.phase(name, ["AwaitingApproval"])

    await stage.cli("approve", name, "--yes", person=stage.people.approver)
    incident = await stage.ended(name, "Resolved", "Remediated")
    decided = incident["status"]["approval"].get("decidedBy")
    stage.check(decided == stage.people.approver_name, f"decided by {decided}", f"decided by {decided}")
    await stage.as_before("web", sound, "the rollout")
    await stage.available("web")
    await stage.verified_offline(incident)
