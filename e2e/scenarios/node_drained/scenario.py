"""A node runs out of memory: its pods are evicted one by one, as their disruption budget allows; handed over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from e2e.harness.stage import Stage

LETTER = "v"
CORE = True
ABOUT_NODES = True


async def play(stage: Stage) -> None:
    await drains(stage)


async def drains(stage: Stage, meanwhile: Callable[[Stage], Awaitable[None]] | None = None) -> None:
    """Three pods from the sick node to the other one. ``meanwhile`` happens as soon as there is an Incident."""
    await stage.deploy("drained")
    node, other = [f"/api/v1/nodes/{name}" for name in stage.nodes]
    before = await stage.snapshot("web")
    moved = await stage.pods("web")
    on = {pod["spec"]["nodeName"] for pod in moved}
    stage.check(on == {stage.nodes[0]}, "all pods are on the node that becomes sick", str(on))
    await stage.add("../node_drained/other-node.yaml")
    await stage.ready(other)

    now = datetime.now(UTC).isoformat()
    pressure = {
        "type": "MemoryPressure",
        "status": "True",
        "reason": "KubeletHasInsufficientMemory",
        "message": "kubelet has insufficient memory available",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
    await stage.change(f"{node}/status", {"status": {"conditions": [pressure]}})
    name = await stage.incident()
    if meanwhile is not None:
        await meanwhile(stage)
    incident = await stage.ended(name, "Escalated", "Escalated")
    stage.diagnosed(incident, "NodePressure")
    stage.attempted(incident, "DrainNode", *["EvictPod"] * len(moved))
    stage.check(await stage.cordoned(node), "it takes no new pods", "not cordoned")
    stage.check(not await stage.cordoned(other), "the other node was left alone", "cordoned")
    await stage.available("web")
    pods = await stage.pods("web")
    on = {pod["spec"]["nodeName"] for pod in pods}
    stage.check(on == {stage.nodes[1]}, "all pods are on the other node", str(on))
    agents = await stage.pods("agent")
    stage.check(
        sorted(pod["spec"]["nodeName"] for pod in agents) == sorted(stage.nodes),
        "the DaemonSet's pods were left alone",
        str([pod["spec"]["nodeName"] for pod in agents]),
    )
    await stage.untouched("web", before)
