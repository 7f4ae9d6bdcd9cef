"""Incident: the alerts, the target, and everything that was said, decided and done about them.

``.spec`` is written by the gateway and people, ``.status`` by the coordinator, ``.status.execution`` by the
executor, and each agent writes its own two annotations. Admission policies keep it so.
"""

from __future__ import annotations

import enum
from typing import Annotated, Literal

from pydantic import Field

from incident_commander.api.meta import (
    Condition,
    LongText,
    Model,
    ObjectMeta,
    ShortText,
    TargetRef,
    Text,
    Timestamp,
)
from incident_commander.api.names import API_VERSION
from incident_commander.api.plan import MAX_STEPS, ActionName, FieldValue, Operation, Plan, Verb
from incident_commander.api.statement import Assessment, Decision, Forecast, Hypothesis, Severity

EnvelopeText = Annotated[str, Field(max_length=65536)]
"""A DSSE envelope as JSON text."""


class AlertStatus(enum.StrEnum):
    """As Alertmanager writes it."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Model):
    """One alert of Alertmanager; ``fingerprint`` identifies its label set."""

    fingerprint: ShortText
    status: AlertStatus
    labels: Annotated[dict[str, Text], Field(max_length=64)] = {}
    annotations: Annotated[dict[str, Text], Field(max_length=32)] = {}
    starts_at: Timestamp
    ends_at: Timestamp | None = None
    generator_url: Annotated[Text, Field(alias="generatorURL")] = ""

    @property
    def name(self) -> str:
        """The ``alertname`` label."""
        return self.labels.get("alertname", "")


class Approval(Model):
    """A person's decision about one plan. Admission proves that ``approver`` is who asked."""

    plan_digest: Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
    decision: Annotated[str, Field(pattern="^(Approve|Reject)$")]
    approver: ShortText
    reason: Text = ""


class UndoRequest(Model):
    """A person asks to take back what was done. Admission proves that ``requester`` is who asked."""

    plan_digest: Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]
    requester: ShortText
    reason: Text = ""


class IncidentSpec(Model):
    """What happened, to what."""

    alerts: Annotated[list[Alert], Field(max_length=50)] = []
    omitted_alerts: Annotated[int, Field(ge=0)] = 0
    """Alerts that belong here and are only counted: beyond the list's bound, or truncated by Alertmanager."""
    severity: Severity = Severity.WARNING
    target_ref: TargetRef | None = None
    description: LongText = ""
    group_key: Text = ""
    predicted: bool = False
    storm: bool = False
    approval: Approval | None = None
    undo: UndoRequest | None = None

    @property
    def about(self) -> str:
        """The target with what tells it from others of its name, as agents sign it: ``apps/v1 Deployment/shop/web u``.

        An incarnation that is not known has no UID; ``nothing`` is no target at all.
        """
        ref = self.target_ref
        return " ".join(filter(None, (ref.api_version, str(ref), ref.uid)))[:1024] if ref is not None else "nothing"


class Phase(enum.StrEnum):
    """Where the Incident stands. For people; machines read the conditions."""

    PENDING = "Pending"
    DIAGNOSING = "Diagnosing"
    PLANNING = "Planning"
    VOTING = "Voting"
    AWAITING_APPROVAL = "AwaitingApproval"
    EXECUTING = "Executing"
    VERIFYING = "Verifying"
    ROLLING_BACK = "RollingBack"
    RESOLVED = "Resolved"
    ESCALATED = "Escalated"
    CLOSED = "Closed"

    @property
    def terminal(self) -> bool:
        """Whether nothing more will be done by itself."""
        return self in (Phase.RESOLVED, Phase.ESCALATED, Phase.CLOSED)


class Outcome(enum.StrEnum):
    """How it ended."""

    REMEDIATED = "Remediated"
    PREVENTED = "Prevented"
    SELF_HEALED = "SelfHealed"
    RECOMMENDED = "Recommended"
    REJECTED = "Rejected"
    ROLLED_BACK = "RolledBack"
    INCONCLUSIVE = "Inconclusive"
    EXPIRED = "Expired"
    ESCALATED = "Escalated"


class Member(Model):
    """A voter of a round, with the keys that count in it."""

    agent: ShortText
    role: ShortText
    key_ids: Annotated[list[ShortText], Field(max_length=4)]
    quarantined: bool = False


class RecordedVote(Model):
    """A vote that was verified, with the envelope that proves it."""

    agent: ShortText
    role: ShortText
    decision: Decision
    reason: ShortText
    message: Text = ""
    at: Timestamp
    envelope: EnvelopeText


class Certificate(Model):
    """Proof that a quorum of the members approved one plan in one round.

    Everything needed to check it offline, but the public keys.
    """

    incident_uid: ShortText
    round: Annotated[int, Field(ge=1, le=16)]
    plan_digest: ShortText
    members: Annotated[list[Member], Field(max_length=64)]
    faults: int
    """f: how many Byzantine members are tolerated."""
    quorum: int
    issued_at: Timestamp
    expires_at: Timestamp
    envelopes: Annotated[list[EnvelopeText], Field(max_length=64)]


class RoundDecision(enum.StrEnum):
    """How a round ended; Open while it has not."""

    OPEN = "Open"
    CERTIFIED = "Certified"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    STALE = "Stale"
    """The target changed while the round was open: the plan's digest no longer fits."""
    OUTDATED = "Outdated"
    """It agreed, and then the target changed while a person was waited for. Nobody's failure: it uses up no round."""


MOST_ROUNDS = 16
MOST_ATTEMPTS = 8
"""Attempts that are kept; the oldest make room."""


class PastRound(Model):
    """A round that ended without being carried out."""

    round: int
    plan_digest: ShortText
    runbook: ShortText = ""
    decision: RoundDecision
    approvals: int
    rejections: int
    message: Text = ""


class Consensus(Model):
    """The current round, and the ones before."""

    round: Annotated[int, Field(ge=0, le=MOST_ROUNDS)] = 0
    plan_digest: ShortText = ""
    members: Annotated[list[Member], Field(max_length=64)] = []
    faults: int = 0
    quorum: int = 0
    opened_at: Timestamp | None = None
    deadline: Timestamp | None = None
    decision: RoundDecision = RoundDecision.OPEN
    votes: Annotated[list[RecordedVote], Field(max_length=64)] = []
    certificate: Certificate | None = None
    history: Annotated[list[PastRound], Field(max_length=MOST_ROUNDS)] = []


class ApprovalState(Model):
    """What is awaited from a person, or what was decided."""

    required: bool = False
    plan_digest: ShortText = ""
    expires_at: Timestamp | None = None
    decided_by: ShortText = ""


class StepOutcome(enum.StrEnum):
    """What became of one step. Intended means: recorded before the write, outcome not yet known."""

    INTENDED = "Intended"
    APPLIED = "Applied"
    NO_OP = "NoOp"
    REFUSED = "Refused"
    FAILED = "Failed"
    UNDOING = "Undoing"
    UNDONE = "Undone"
    UNDO_FAILED = "UndoFailed"


class StepRecord(Model):
    """One step of an attempt: intent before, outcome after. Enough to resume or to undo by itself."""

    name: ShortText
    action: ActionName
    target: TargetRef
    verb: Verb
    subresource: ShortText | None = None
    operations: Annotated[list[Operation], Field(max_length=32)] = []
    pre_image: Annotated[list[FieldValue], Field(max_length=32)] = []
    undo_operations: Annotated[list[Operation], Field(max_length=32)] = []
    undo_possible: bool = False
    outcome: StepOutcome
    reason: ShortText = ""
    message: Text = ""
    intended_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    observed_resource_version: ShortText = ""
    result_generation: int | None = None
    """``metadata.generation`` right after the write: tells our own change from a later one."""


def attempt_id(round_: int, plan_digest: str) -> str:
    """Of the one attempt that a plan has in its round: the same for whoever makes or checks it."""
    return f"{round_}-{plan_digest[7:23]}"


class Attempt(Model):
    """One certified plan being carried out. ``id`` is unique per Incident UID, round and digest."""

    id: ShortText
    round: int
    plan_digest: ShortText
    runbook: ShortText = ""
    started_at: Timestamp
    finished_at: Timestamp | None = None
    outcome: StepOutcome
    reason: ShortText = ""
    message: Text = ""
    steps: Annotated[list[StepRecord], Field(max_length=MAX_STEPS)] = []
    fingerprints: Annotated[list[ShortText], Field(max_length=50)] = []
    """Alert fingerprints at the time: the loop detector's key together with the runbook."""


class GuardResult(Model):
    """What one guard said at the last check."""

    guard: ShortText
    allowed: bool
    reason: ShortText
    message: Text = ""


class Execution(Model):
    """Written by the executor only."""

    attempts: Annotated[list[Attempt], Field(max_length=MOST_ATTEMPTS)] = []
    guards: Annotated[list[GuardResult], Field(max_length=32)] = []
    waiting_until: Timestamp | None = None
    """A guard that passes with time (cooldown, budget, freeze window) refuses until then."""


class CheckResult(enum.StrEnum):
    """Three-valued verification. Missing data is Inconclusive, never Pass."""

    PASS = "Pass"
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"


class Check(Model):
    """The latest result of one check."""

    name: ShortText
    result: CheckResult
    message: Text = ""


class Verification(Model):
    """The measurement of the attempt in ``attempt_id``."""

    attempt_id: ShortText = ""
    started_at: Timestamp | None = None
    deadline: Timestamp | None = None
    result: CheckResult | None = None
    checks: Annotated[list[Check], Field(max_length=16)] = []
    message: Text = ""
    undo_checked: CheckResult | None = None


class TimelineEntry(Model):
    """One thing that happened; the story in order."""

    at: Timestamp
    actor: ShortText
    reason: ShortText
    message: Text = ""


class Cascade(Model):
    """The Incident is an effect of another open one, and waits for it."""

    incident: ShortText
    """``namespace/name`` of the root's Incident."""
    since: Timestamp
    message: Text = ""
    """Why, in words: the chain from one target to the other."""


class IncidentStatus(Model):
    """Written by the coordinator, but for ``execution``."""

    observed_generation: int = 0
    phase: Phase = Phase.PENDING
    outcome: Outcome | None = None
    message: Text = ""
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    deadline: Timestamp | None = None
    """When the current phase is given up."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = []
    target: ShortText = ""
    """``Kind/name``, for the Target column."""
    action: ShortText = ""
    """For the Action column: the first step's action of the current plan."""
    votes: ShortText = ""
    """For the Votes column: ``approvals/members``."""
    cause: ShortText = ""
    confidence: int | None = None
    alert: ShortText = ""
    cascade: Cascade | None = None
    """What it waits, or waited, for."""
    assessment: Assessment | None = None
    hypotheses: Annotated[list[Hypothesis], Field(max_length=8)] = []
    gaps: Annotated[list[Text], Field(max_length=16)] = []
    forecast: Forecast | None = None
    story: LongText = ""
    mode: ShortText = ""
    policy: ShortText = ""
    planning_serial: Annotated[int, Field(ge=0)] = 0
    """Raised each time that new plans are asked for."""
    plan: Plan | None = None
    consensus: Consensus = Consensus()
    approval: ApprovalState | None = None
    execution: Execution = Execution()
    verification: Verification | None = None
    timeline: Annotated[list[TimelineEntry], Field(max_length=64)] = []


class Incident(Model):
    """An Incident resource."""

    api_version: Literal["incidentcommander.io/v1alpha1"] = API_VERSION
    kind: Literal["Incident"] = "Incident"
    metadata: ObjectMeta = ObjectMeta()
    spec: IncidentSpec = IncidentSpec()
    status: IncidentStatus = IncidentStatus()

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.metadata.namespace}/{self.metadata.name}"
