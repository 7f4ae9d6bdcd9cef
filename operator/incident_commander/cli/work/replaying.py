"""Diagnosis of what somebody recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path

from incident_agents.diagnosis.engine import diagnose
from incident_commander.adapters.bundle.bundle import Bundle
from incident_commander.adapters.bundle.replay import replay
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Diagnosis
from incident_commander.evidence.evidence import Evidence


def diagnose_bundle(
    recorded: Path | Bundle, *, target: TargetRef | None = None, namespace: str | None = None
) -> tuple[Evidence, Diagnosis]:
    """The evidence of a bundle, and the ranked hypotheses as of its capture. Raises ``BundleError``."""
    bundle = recorded if isinstance(recorded, Bundle) else Bundle(recorded)
    evidence = asyncio.run(replay(bundle, target=target, namespace=namespace))
    return evidence, diagnose(evidence, None, evidence.captured_at)
