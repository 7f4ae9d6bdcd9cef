"""A node is lost: cordoned and handed over; when it is back, uncordoned. Nothing is done to any other node."""

from __future__ import annotations

from datetime import UTC, datetime

from e2e.harness.stage import Stage

LETTER = "u"
ABOUT_NODES = True


async def play(stage: Stage) -> None:
    await stage.deploy()
    node, other = [f"/api/v1/nodes/{name}" for name in stage.nodes]
    for path in (node, other):
        await stage.ready(path)
    # Somebody else holds its lease, so that kwok renews it no longer: to the cluster that is a machine without power.
    lease = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{stage.nodes[0]}"
    held = {"holderIdentity": "nobody", "leaseDurationSeconds": 3600, "renewTime": f"{datetime.now(UTC):%FT%T.%fZ}"}
    await stage.change(lease, {"spec": held})
    incident = await stage.ended(await stage.incident(), "Escalated", "Escalated")
    stage.diagnosed(incident, "NodeNotReady")
    stage.attempted(incident, "CordonNode")
    stage.check(await stage.cordoned(node), "it takes no new pods", "not cordoned")

    await stage.api.delete(lease)
    stage.say("the node is back")
    incident = await stage.ended(await stage.incident(), "Resolved", "Remediated")
    stage.diagnosed(incident, "NodeCordoned")
    stage.attempted(incident, "UncordonNode")
    stage.check(not await stage.cordoned(node), "it takes new pods again", "cordoned")
    stage.check(not await stage.cordoned(other), "the other node was left alone", "cordoned")
