"""Diagnosis of what somebody recorded."""

from __future__ import annotations

from pathlib import Path

from incident_agents.diagnosis.engine import diagnose
from incident_commander.adapters.bundle.replay import read_evidence
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Diagnosis
from incident_commander.evidence.evidence import Evidence


def diagnose_bundle(
    path: Path, *, target: TargetRef | None = None, namespace: str | None = None
) -> tuple[Evidence, Diagnosis]:
    """The evidence of a bundle, and the ranked hypotheses as of its capture. Raises ``BundleError``."""
    evidence = read_evidence(path, target=target, namespace=namespace)
    return evidence, diagnose(evidence, None, evidence.captured_at)
