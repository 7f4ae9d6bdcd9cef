"""A plan: typed steps with the exact writes, their pre-image, and how to undo and to measure them.

The same shape stands in a signed proposal, in ``status.plan`` and under the certificate. Values of any
JSON type are carried as canonical JSON text, so that a structural schema needs no untyped fields and
no float is ever stored.
"""

from __future__ import annotations

import enum
from typing import Annotated

from pydantic import Field

from incident_commander.api.causes import Cause
from incident_commander.api.meta import LongText, Model, ShortText, TargetRef, Text, Timestamp

MAX_STEPS = 28
"""Steps of a plan: four of a runbook, and a pod each of a node that is drained."""


class ActionName(enum.StrEnum):
    """The catalogue. An action that is not listed here cannot be carried out."""

    RESTART_ROLLOUT = "RestartRollout"
    ROLLBACK_ROLLOUT = "RollbackRollout"
    SCALE_WORKLOAD = "ScaleWorkload"
    SET_RESOURCES = "SetResources"
    PATCH_HPA = "PatchHPA"
    DELETE_POD = "DeletePod"
    CORDON_NODE = "CordonNode"
    UNCORDON_NODE = "UncordonNode"
    SUSPEND_CRON_JOB = "SuspendCronJob"
    EVICT_POD = "EvictPod"
    DRAIN_NODE = "DrainNode"
    ISOLATE_POD = "IsolatePod"
    SET_ENV = "SetEnv"
    EXPAND_VOLUME = "ExpandVolume"
    DELETE_JOB = "DeleteJob"
    RUN_JOB = "RunJob"
    LIMIT_TRAFFIC = "LimitTraffic"
    GITOPS_PROPOSAL = "GitOpsProposal"
    ESCALATE = "Escalate"


class Verb(enum.StrEnum):
    """What the executor asks of the API server.

    The operations of Create and Delete are about the whole object, which RFC 6901 points to by the empty path:
    ``add ""`` makes the object in ``value``, ``remove ""`` deletes the target.
    """

    PATCH = "Patch"
    CREATE = "Create"
    """Makes another object, on behalf of the target."""
    DELETE = "Delete"
    EVICT = "Evict"
    """Deletes a pod through the Eviction API: the API server itself asks the PodDisruptionBudgets."""
    NONE = "None"
    """Nothing is written: people are asked instead."""


class Risk(enum.StrEnum):
    """How much can go wrong: Low is undoable and local, High interrupts service or cannot be undone."""

    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"


class Op(enum.StrEnum):
    """JSON Patch operations in use (RFC 6902)."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


class Operation(Model):
    """One JSON Patch operation. ``path`` is a JSON Pointer (RFC 6901); ``value`` is canonical JSON text."""

    op: Op
    path: Text
    value: Annotated[str, Field(max_length=32768)] | None = None


class FieldValue(Model):
    """The value of a field before the write, as canonical JSON text; None when the field is absent."""

    path: Text
    value: Annotated[str, Field(max_length=32768)] | None = None


class Undo(Model):
    """How a step is taken back. ``possible`` False says why in ``reason``."""

    possible: bool
    reason: Text = ""
    operations: Annotated[list[Operation], Field(max_length=32)] = []


class Step(Model):
    """One write to one object, fully spelled out."""

    name: ShortText
    action: ActionName
    target: TargetRef
    parameters: Annotated[dict[str, ShortText], Field(max_length=16)] = {}
    verb: Verb
    subresource: ShortText | None = None
    operations: Annotated[list[Operation], Field(max_length=32)] = []
    pre_image: Annotated[list[FieldValue], Field(max_length=32)] = []
    undo: Undo
    risk: Risk
    summary: Text = ""


class PromQLCheck(Model):
    """A query whose every sample must satisfy ``value OPERATOR threshold``. No sample is Inconclusive."""

    name: ShortText
    query: Annotated[str, Field(min_length=1, max_length=1024)]
    operator: Annotated[str, Field(pattern="^(<|<=|>|>=|==|!=)$")]
    threshold: Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]


class VerificationPlan(Model):
    """How success is measured: what is looked at, for how long (seconds) and how often (seconds)."""

    window_seconds: Annotated[int, Field(ge=5, le=7200)] = 300
    settle_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    """Not judged during this time after the write, unless it fails for good."""
    poll_seconds: Annotated[int, Field(ge=1, le=600)] = 15
    workload_healthy: bool = True
    alert_resolved: bool = True
    promql: Annotated[list[PromQLCheck], Field(max_length=8)] = []


class Plan(Model):
    """A candidate remediation. ``digest`` is SHA-256 over the canonical JSON of all else but ``summary``."""

    digest: Annotated[str, Field(pattern="^(sha256:[0-9a-f]{64})?$")] = ""
    incident_uid: ShortText = ""
    issued_at: Timestamp
    """Argument of the actions: whoever recomputes the steps with it must get the same ones."""
    runbook: ShortText
    cause: Cause
    object: TargetRef
    steps: Annotated[list[Step], Field(min_length=1, max_length=MAX_STEPS)]
    verification: VerificationPlan = VerificationPlan()
    risk: Risk
    proposal_only: bool = False
    """True for a GitOps-owned target: the plan is shown to people and never executed."""
    proposal_reason: Text = ""
    summary: LongText = ""
