"""Diagnosis of what somebody recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path

from incident_agents.diagnosis.engine import Workup, work_up
from incident_commander.adapters.bundle.bundle import Bundle
from incident_commander.adapters.bundle.replay import replay
from incident_commander.api.meta import TargetRef


def diagnose_bundle(
    recorded: Path | Bundle, *, target: TargetRef | None = None, namespace: str | None = None
) -> Workup:
    """The diagnosis of a bundle, with its evidence, as of its capture. Raises ``BundleError``."""
    bundle = recorded if isinstance(recorded, Bundle) else Bundle(recorded)
    evidence = asyncio.run(replay(bundle, target=target, namespace=namespace))
    return work_up(evidence, None, evidence.captured_at)
