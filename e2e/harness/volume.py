"""A small real volume of the local cluster: a file system in a file, which really fills, and really grows.

Growing it is a simulation of a storage driver's external-resizer: the file system grows for real, but it is this suite
that watches the claim and tells the API server of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from e2e.cluster.parts import layout
from e2e.harness.api import Api
from e2e.harness.commands import run
from e2e.harness.waiting import Teller, meanwhile
from tests.controlplane import debian

FILL = "fallocate -l $(($(stat -f -c '%a*%S' /data) - 20971520)) /data/archive && stat -c %s /data/archive"
"""Script: leave 20 MiB of the volume at /data, and tell how much that took."""
_POLL_SECONDS = 1
_GIB = 1024**3


def place(namespace: str) -> Path:
    """Where the volume of a scenario is mounted; its file lies beside."""
    return layout.STATE / "volumes" / namespace


@contextlib.asynccontextmanager
async def mounted(namespace: str, gibibytes: int) -> AsyncIterator[None]:
    """An empty file system of that size, until the end of the block."""
    folder = place(namespace)
    disk = folder.with_suffix(".disk")
    folder.mkdir(parents=True)
    with disk.open("wb") as file:
        file.truncate(gibibytes * _GIB)
    await asyncio.to_thread(debian.install, ["xfsprogs"])
    # ext4 grows only for who has CAP_SYS_RESOURCE, which a sandboxed machine does not give.
    await run("mkfs.xfs", "-q", str(disk))
    await run("mount", "-o", "loop", str(disk), str(folder))
    try:
        yield
    finally:
        # The pod may still have it open; its loop device goes with the last user.
        await run("umount", "--lazy", str(folder), check=False)
        disk.unlink(missing_ok=True)


@contextlib.asynccontextmanager
async def simulated_resizer(api: Api, namespace: str, claim: str, say: Teller) -> AsyncIterator[None]:
    """Grow the file system whenever the claim asks for more than it has, until the end of the block."""
    async with meanwhile(_resize(api, namespace, claim, say)):
        yield


async def _resize(api: Api, namespace: str, claim: str, say: Teller) -> None:
    path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/{claim}"
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        found = await api.find(path)
        if found is None:
            continue
        wanted = found["spec"]["resources"]["requests"]["storage"]
        has = found.get("status", {}).get("capacity", {}).get("storage", wanted)
        if wanted != has:
            await _grow(place(namespace), int(wanted.removesuffix("Gi")))
            capacity = {"capacity": {"storage": wanted}}
            await api.merge(f"/api/v1/persistentvolumes/{found['spec']['volumeName']}", {"spec": capacity})
            await api.merge(f"{path}/status", {"status": capacity})
            say(f"the simulated resizer has grown claim {claim} from {has} to {wanted}")


async def _grow(folder: Path, gibibytes: int) -> None:
    disk = folder.with_suffix(".disk")
    await run("truncate", f"--size={gibibytes * _GIB}", str(disk))
    device = (await run("findmnt", "--noheadings", "--output=SOURCE", str(folder))).out.strip()
    await run("losetup", "--set-capacity", device)
    await run("xfs_growfs", str(folder))
