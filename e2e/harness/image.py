"""What is in the image: checked where it was built, from its configuration and its files."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from e2e.harness.api import Json
from e2e.harness.commands import run

MOST_OVER_BASE = 250_000_000
"""Bytes."""
_BUILD_TOOLS = ("pip", "pip3", "hatchling", "cyclonedx-py", "wheel")


@dataclass(frozen=True)
class Image:
    """What `buildah` says of it. ``added``: bytes over the base image, all of them below /app."""

    user: str
    labels: Json
    added: int
    programs: frozenset[str]
    sbom: Json

    def faults(self) -> list[str]:
        """What is not as it must be."""
        found = []
        if self.user != "65532:65532":
            found.append(f"it runs as {self.user!r}")
        wanted = {
            f"org.opencontainers.image.{part}" for part in ("title", "description", "licenses", "version", "revision")
        }
        if missing := wanted - self.labels.keys():
            found.append(f"it lacks labels {sorted(missing)}")
        if self.added >= MOST_OVER_BASE:
            found.append(
                f"it adds {self.added / 1e6:.0f} MB to its base, at most {MOST_OVER_BASE / 1e6:.0f} are allowed"
            )
        if tools := self.programs & set(_BUILD_TOOLS):
            found.append(f"it has build tools: {sorted(tools)}")
        components = {c["name"] for c in self.sbom.get("components", [])}
        if self.sbom.get("bomFormat") != "CycloneDX" or not {"kopf", "kubernetes", "securesystemslib"} <= components:
            found.append(f"its SBOM is {self.sbom.get('bomFormat')} with {len(components)} components")
        return found


async def examine(name: str) -> Image:
    """Of an image that buildah has. Raises ``Failure`` when it has none of that name."""
    inspected = json.loads((await run("buildah", "inspect", "--type=image", name)).out)["OCIv1"]["config"]
    async with _mounted(name) as root:
        app = root / "app"
        added = sum(path.lstat().st_size for path in app.rglob("*") if not path.is_dir())
        programs = frozenset(path.name for path in (app / "bin").iterdir())
        sbom = json.loads((app / "sbom.cdx.json").read_text())
    return Image(inspected.get("User", ""), inspected.get("Labels") or {}, added, programs, sbom)


@contextlib.asynccontextmanager
async def _mounted(name: str) -> AsyncIterator[Path]:
    container = (await run("buildah", "from", "--pull-never", name)).out.strip()
    try:
        yield Path((await run("buildah", "mount", container)).out.strip())
    finally:
        await run("buildah", "rm", container, check=False)
