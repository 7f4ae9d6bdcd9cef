"""Puts an agent together from the ports that it was given."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypedDict

from incident_agents.agent import Agent
from incident_agents.communication.agent import CommunicationAgent
from incident_agents.detection.agent import DetectionAgent
from incident_agents.diagnosis.agent import DiagnosisAgent
from incident_agents.evidence_source import EvidenceSource
from incident_agents.prediction.agent import PredictionAgent
from incident_agents.resolution.agent import ResolutionAgent
from incident_agents.verification.agent import VerificationAgent
from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.api.plan import ActionName
from incident_commander.api.role import Role
from incident_commander.api.runbook import Runbook
from incident_commander.ports import Clock, Cluster, Metrics


class _Rules(TypedDict):
    operator_namespace: str
    disabled_actions: Collection[ActionName]


def build_agent(
    role: Role,
    *,
    cluster: Cluster,
    metrics: Metrics | None,
    clock: Clock,
    runbooks: Sequence[Runbook],
    source: EvidenceSource | None = None,
    operator_namespace: str = OPERATOR_NAMESPACE,
    disabled_actions: Collection[ActionName] = (),
) -> Agent:
    """The agent of that role. ``runbooks`` are the packaged ones; ``source`` may be shared in one process.

    ``metrics`` None: there is no Prometheus. ``disabled_actions``: what the installation does not enable.
    """
    evidence = source or EvidenceSource(cluster, metrics, clock, operator_namespace=operator_namespace)
    rules: _Rules = {"operator_namespace": operator_namespace, "disabled_actions": disabled_actions}
    match role:
        case Role.DETECTION:
            return DetectionAgent(evidence, metrics)
        case Role.DIAGNOSIS:
            return DiagnosisAgent(evidence)
        case Role.PREDICTION:
            return PredictionAgent(evidence, cluster)
        case Role.RESOLUTION:
            return ResolutionAgent(cluster, runbooks, **rules)
        case Role.COMMUNICATION:
            return CommunicationAgent(cluster, **rules)
        case Role.VERIFICATION:
            return VerificationAgent(cluster, metrics, **rules)
