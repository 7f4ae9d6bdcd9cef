"""RemediationPolicy: what may be done, where, by which actions, how often, and who must agree."""

from __future__ import annotations

import enum
from typing import Annotated, Literal

from pydantic import Field

from incident_commander.api.meta import Condition, Model, ObjectMeta, Percent, ShortText
from incident_commander.api.names import API_VERSION
from incident_commander.api.plan import ActionName, PromQLCheck
from incident_commander.api.role import Role
from incident_commander.api.statement import Severity


class Mode(enum.StrEnum):
    """From the most to the least restrictive."""

    OBSERVE = "Observe"
    APPROVE = "Approve"
    AUTO = "Auto"


class LabelSelector(Model):
    """``matchLabels`` only; every pair must be present."""

    match_labels: Annotated[dict[str, ShortText], Field(max_length=16)] = {}


class PolicyMatch(Model):
    """Which Incidents the policy is about. Empty lists match everything.

    ``namespaces`` are shell globs over the target's namespace ("" for cluster-level objects).
    """

    namespaces: Annotated[list[ShortText], Field(max_length=64)] = []
    selector: LabelSelector = LabelSelector()
    severities: Annotated[list[Severity], Field(max_length=3)] = []
    kinds: Annotated[list[ShortText], Field(max_length=16)] = []


TimeText = Annotated[ShortText, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339, checked by the API server and kept as it was written."""


class FreezeWindow(Model):
    """No action between ``start`` and ``start + durationMinutes``.

    Either one time span (``from``/``until``, RFC 3339) or recurring: ``schedule`` is five-field cron
    in ``timezone`` (IANA name).
    """

    name: ShortText
    schedule: ShortText | None = None
    duration_minutes: Annotated[int, Field(ge=1, le=10080)] | None = None
    timezone: ShortText = "UTC"
    from_: Annotated[TimeText | None, Field(alias="from")] = None
    until: TimeText | None = None


class Limits(Model):
    """Bounds on what may be done. Quantities are Kubernetes quantities."""

    max_attempts: Annotated[int, Field(ge=1, le=5)] = 2
    """Per Incident; attempts that did nothing or were inconclusive count."""
    cooldown_seconds: Annotated[int, Field(ge=0, le=86400)] = 300
    """Between two actions on one target."""
    max_concurrent: Annotated[int, Field(ge=1, le=100)] = 3
    max_per_hour: Annotated[int, Field(ge=1, le=1000)] = 20
    min_healthy_percent: Percent = 51
    """Restarting or deleting never leaves fewer ready pods of the target than this."""
    max_replicas: Annotated[int, Field(ge=1, le=10000)] = 20
    max_memory: ShortText = "4Gi"
    max_cpu: Annotated[ShortText, Field(alias="maxCPU")] = "4"
    max_volume: ShortText | None = None
    """Largest size that a volume may be grown to. There is no default: a volume never shrinks again."""
    delete_empty_dir_data: bool = False
    """Pods with emptyDir volumes may be evicted; what is in these is lost."""


class VerificationPolicy(Model):
    """Overrides of a runbook's verification; None leaves the runbook's."""

    window_seconds: Annotated[int, Field(ge=5, le=7200)] | None = None
    settle_seconds: Annotated[int, Field(ge=0, le=3600)] | None = None
    poll_seconds: Annotated[int, Field(ge=1, le=600)] | None = None
    promql: Annotated[list[PromQLCheck], Field(max_length=8)] = []


class ApprovalPolicy(Model):
    """How long a person has to approve; then nothing is done."""

    expires_after_seconds: Annotated[int, Field(ge=30, le=86400)] = 900


class ConsensusPolicy(Model):
    """May only be stricter than the default: a higher quorum, roles that must approve."""

    min_quorum: Annotated[int, Field(ge=1, le=64)] | None = None
    required_roles: Annotated[list[Role], Field(max_length=6)] = []
    round_seconds: Annotated[int, Field(ge=5, le=600)] = 60
    max_rounds: Annotated[int, Field(ge=1, le=5)] = 3


class GitOps(enum.StrEnum):
    """What to do with a target that a GitOps controller would revert."""

    PROPOSE = "Propose"
    PATCH = "Patch"


class NetworkPolicies(enum.StrEnum):
    """Whether the network plugin enforces NetworkPolicies: no API tells it, so somebody has to say so."""

    UNKNOWN = "Unknown"
    ENFORCED = "Enforced"


class RemediationPolicySpec(Model):
    """See each field."""

    mode: Mode = Mode.OBSERVE
    match: PolicyMatch = PolicyMatch()
    actions: Annotated[list[ActionName], Field(max_length=32)] = []
    """Allowed actions; empty allows none but Escalate."""
    limits: Limits = Limits()
    freeze_windows: Annotated[list[FreezeWindow], Field(max_length=16)] = []
    verification: VerificationPolicy = VerificationPolicy()
    approval: ApprovalPolicy = ApprovalPolicy()
    consensus: ConsensusPolicy = ConsensusPolicy()
    git_ops: GitOps = GitOps.PROPOSE
    network_policies: NetworkPolicies = NetworkPolicies.UNKNOWN


class RemediationPolicyStatus(Model):
    """Whether the policy is understood."""

    observed_generation: int = 0
    conditions: Annotated[list[Condition], Field(max_length=8)] = []


class RemediationPolicy(Model):
    """A RemediationPolicy resource."""

    api_version: Literal["incidentcommander.io/v1alpha1"] = API_VERSION
    kind: Literal["RemediationPolicy"] = "RemediationPolicy"
    metadata: ObjectMeta = ObjectMeta()
    spec: RemediationPolicySpec = RemediationPolicySpec()
    status: RemediationPolicyStatus = RemediationPolicyStatus()
