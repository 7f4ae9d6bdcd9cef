"""Evidence of each scenario as a bundle: what the tools answered while it was broken."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from e2e.harness.commands import run
from e2e.harness.monitoring import Monitoring
from e2e.harness.operator import PROGRAMS

_SECONDS = 120


class Recorded(Exception):
    """There is nothing more to do: the scenario is left broken, as it was recorded."""


@dataclass(frozen=True)
class Recorder:
    """Writes one bundle for each scenario below ``folder``."""

    folder: Path
    monitoring: Monitoring
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    """On two cores, all at once would each take minutes, and show a time of minutes."""

    def place(self, scenario: str) -> Path:
        """Where a scenario's bundle goes."""
        return self.folder / scenario

    async def record(self, scenario: str, namespace: str, incident: str, kubeconfig: Path) -> None:
        """What is known about an Incident now, as a user would record it. Raises ``Failure``, and ``Recorded``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        async with self.slots:
            await run(
                str(PROGRAMS / "incident-commander"),
                "bundle",
                incident,
                f"--namespace={namespace}",
                f"--output={self.place(scenario)}",
                f"--kubeconfig={kubeconfig}",
                f"--prometheus-url={self.monitoring.prometheus}",
                f"--alertmanager-url={self.monitoring.alertmanager}",
                seconds=_SECONDS,
            )
        raise Recorded
