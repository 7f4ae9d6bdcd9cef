"""Names that other programs see: API group, annotation and label keys, field managers."""

from __future__ import annotations

from typing import Final

GROUP = "incidentcommander.io"
VERSION = "v1alpha1"
API_VERSION: Final = "incidentcommander.io/v1alpha1"

OPERATOR_NAMESPACE = "incident-commander"
"""Default namespace of the operator; Incidents about cluster-level objects live there."""

LABEL_MANAGED = f"{GROUP}/managed"
"""``"true"`` on a namespace or a workload opts it in to remediation; ``"false"`` on a workload opts it out."""
LABEL_TARGET_HASH = f"{GROUP}/target"
"""On an Incident: short hash of its target, so that open Incidents of one target are found by a selector."""
LABEL_STORM = f"{GROUP}/storm"
"""``"true"`` on the one Incident that stands for an alert storm of its namespace."""
ANNOTATION_KEY_ID = f"{GROUP}/key-id"
"""On an agent's Lease: id of the key that its process signs with. Told for people; nothing counts because of it."""
ANNOTATION_RESTARTED_AT = f"{GROUP}/restartedAt"
"""Put on a pod template by RestartRollout."""

ANNOTATION_MADE_BY = f"{GROUP}/made-by"
"""On an object that the executor made: which step of which plan it is, so that it is never made twice."""
LABEL_ISOLATED = f"{GROUP}/isolated"
"""``"true"`` on a pod that IsolatePod took out of its Services and left for people to look at."""
ANNOTATION_RERUN = f"{GROUP}/rerun"
"""``"allowed"`` on a CronJob: its owners say that running it once more does no harm."""

FIELD_MANAGER_COORDINATOR = "incident-commander-coordinator"
FIELD_MANAGER_EXECUTOR = "incident-commander-executor"
FIELD_MANAGER_GATEWAY = "incident-commander-gateway"
EVENT_COMPONENT = "incident-commander"

ROLES: tuple[str, ...] = ("detection", "diagnosis", "prediction", "resolution", "communication", "verification")
"""The six agents, in the order in which they speak."""

STATEMENT_PAYLOAD_TYPE = "application/vnd.incidentcommander.statement.v1alpha1+json"
"""DSSE payloadType of every signed statement and vote."""


def statement_annotation(agent: str) -> str:
    """Annotation key under which ``agent`` writes its signed statement."""
    return f"{GROUP}/{agent}-statement"


def vote_annotation(agent: str) -> str:
    """Annotation key under which ``agent`` writes its signed vote."""
    return f"{GROUP}/{agent}-vote"


def agent_field_manager(agent: str) -> str:
    """Field manager with which ``agent`` writes its annotations."""
    return f"incident-commander-agent-{agent}"
