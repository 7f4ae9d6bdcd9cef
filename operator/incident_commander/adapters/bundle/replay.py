"""From a folder to evidence: the same gathering as from a live cluster."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from incident_commander.adapters.bundle.bundle import Bundle
from incident_commander.adapters.bundle.cluster import BundleCluster
from incident_commander.adapters.bundle.metrics import BundleMetrics
from incident_commander.api.meta import TargetRef
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.gatherer import gather
from incident_commander.evidence.scope import RECORDED, RECORDED_LIMITS, Limits


def read_evidence(
    path: Path, *, target: TargetRef | None = None, namespace: str | None = None, limits: Limits = RECORDED_LIMITS
) -> Evidence:
    """Everything that a bundle holds, as of its ``capturedAt``.

    ``namespace`` narrows it to one. Raises ``BundleError`` when there is no bundle; a bundle with broken or
    missing files gives evidence that names them as gaps.
    """
    return asyncio.run(replay(Bundle(path), target=target, namespace=namespace, limits=limits))


async def replay(
    bundle: Bundle, *, target: TargetRef | None = None, namespace: str | None = None, limits: Limits = RECORDED_LIMITS
) -> Evidence:
    """The same for an open bundle. Without a ``target``, about the one that it was captured for, if any."""
    return await gather(
        target or bundle.target,
        cluster=BundleCluster(bundle),
        metrics=BundleMetrics(bundle) if bundle.series() else None,
        clock=_StoppedClock(bundle.captured_at),
        namespace=namespace,
        scope=RECORDED,
        limits=limits,
        recording=bundle,
    )


class _StoppedClock:
    """``ports.Clock``: it is always the time of the capture."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """The time of the capture."""
        return self._at

    async def sleep(self, seconds: float) -> None:
        """Does not wait."""
