"""The node's own processes, on the machine of the local cluster."""

from __future__ import annotations

import asyncio

from e2e.cluster.parts import layout, processes
from e2e.harness.streaming import stream
from e2e.harness.waiting import Failure, Teller

_UP_SECONDS = 300
_AWAY_SECONDS = 5


async def restart(say: Teller) -> None:
    """SIGKILL the kubelet and containerd, and start them again after a while, as an init system would."""
    for name in ("kubelet", "containerd"):
        processes.stop(name, hard=True)
    say("killed kubelet and containerd")
    await asyncio.sleep(_AWAY_SECONDS)
    if code := await stream(str(layout.HERE / "up"), seconds=_UP_SECONDS):
        raise Failure(f"the node does not come up again (exit code {code}); the reason is above")
    say("they run again")
