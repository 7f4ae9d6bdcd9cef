"""What agents say: the payload of a signed envelope. One class per thing that can be said."""

from __future__ import annotations

import enum
from typing import Annotated, Literal

from pydantic import Field

from incident_commander.api.causes import Cause
from incident_commander.api.meta import LongText, Model, Percent, ShortText, TargetRef, Text, Timestamp
from incident_commander.api.plan import Plan


class CitationKind(enum.StrEnum):
    """Where a cited fact was read."""

    OBJECT = "Object"
    EVENT = "Event"
    METRIC = "Metric"
    LOG = "Log"
    ALERT = "Alert"
    NOTE = "Note"


class Citation(Model):
    """One fact that can be looked up again.

    Object: ``ref`` is ``Kind/namespace/name``, ``path`` a field path such as
    ``status.containerStatuses[0].state.waiting.reason``, ``value`` what stood there at ``resource_version``.
    Event: ``ref`` is the involved object, ``path`` the event's reason, ``value`` its message.
    Metric: ``ref`` is the query, ``value`` the number with its unit. Log: ``ref`` is
    ``Pod/namespace/name/container`` (``:previous`` appended for the last container), ``path`` is
    ``line 4711`` where the number is known, ``value`` the line.
    Note: output of another tool; ``ref`` is its name in the bundle, ``value`` a line of it.
    """

    kind: CitationKind
    ref: Text
    path: Text = ""
    value: Text = ""
    resource_version: ShortText | None = None


class Hypothesis(Model):
    """A possible cause. ``confidence`` is 0-100; ``facts`` are parameters that runbooks may refer to."""

    cause: Cause
    object: TargetRef | None = None
    confidence: Percent
    summary: Text
    evidence: Annotated[list[Citation], Field(max_length=12)] = []
    facts: Annotated[dict[str, ShortText], Field(max_length=16)] = {}


class AlertState(enum.StrEnum):
    """Whether the symptom is there. Unknown when neither alert state nor health could be read."""

    FIRING = "Firing"
    FLAPPING = "Flapping"
    GONE = "Gone"
    UNKNOWN = "Unknown"


class Severity(enum.StrEnum):
    """Severity of an Incident."""

    CRITICAL = "Critical"
    WARNING = "Warning"
    INFO = "Info"


class Assessment(Model):
    """Detection's statement."""

    type: Literal["Assessment"] = "Assessment"
    state: AlertState
    severity: Severity
    storm: bool = False
    target: TargetRef | None = None
    message: Text = ""
    evidence: Annotated[list[Citation], Field(max_length=12)] = []


class Diagnosis(Model):
    """Diagnosis' statement: hypotheses, best first, and what could not be read."""

    type: Literal["Diagnosis"] = "Diagnosis"
    hypotheses: Annotated[list[Hypothesis], Field(max_length=8)]
    gaps: Annotated[list[Text], Field(max_length=16)] = []


class Forecast(Model):
    """Prediction's statement. Times are seconds from ``issuedAt``; None when there is no exhaustion ahead.

    ``abstained`` True means that there were too few points; the message says how many.
    """

    type: Literal["Forecast"] = "Forecast"
    abstained: bool
    series: Text = ""
    current: ShortText = ""
    limit: ShortText = ""
    slope_per_hour: ShortText = ""
    exhaustion_seconds: int | None = None
    exhaustion_low_seconds: int | None = None
    exhaustion_high_seconds: int | None = None
    message: Text = ""
    evidence: Annotated[list[Citation], Field(max_length=12)] = []


class Hold(Model):
    """A guard refuses the best plan now, and will not for ever: it is put to the vote when that has passed.

    ``guard``, ``reason`` and ``message`` are the guard's; ``until`` is when it is worth asking again.
    """

    guard: ShortText
    reason: ShortText
    message: Text
    until: Timestamp


class Proposal(Model):
    """Resolution's statement: candidate plans, best first. Empty: ``message`` says why nothing fits."""

    type: Literal["Proposal"] = "Proposal"
    serial: Annotated[int, Field(ge=1)]
    """Equals ``status.planningSerial``: an older proposal does not count."""
    plans: Annotated[list[Plan], Field(max_length=4)]
    message: Text = ""
    hold: Hold | None = None
    """What stands in the way of the first plan now."""


class Account(Model):
    """Communication's statement: the story for people, who must know, and what stands in the way now."""

    type: Literal["Account"] = "Account"
    story: LongText
    audience: Annotated[list[ShortText], Field(max_length=8)] = []
    approval_required: bool = False
    hold: Text = ""


class Measurement(Model):
    """Verification's statement: how success will be measured and whether that is possible now."""

    type: Literal["Measurement"] = "Measurement"
    measurable: bool
    message: Text = ""


class Decision(enum.StrEnum):
    """A vote."""

    APPROVE = "Approve"
    REJECT = "Reject"
    ABSTAIN = "Abstain"


class Vote(Model):
    """A vote on one plan in one round. Replayed, expired or foreign votes do not count."""

    type: Literal["Vote"] = "Vote"
    round: Annotated[int, Field(ge=1, le=16)]
    plan_digest: ShortText
    decision: Decision
    reason: ShortText
    message: Text = ""
    evidence: Annotated[list[Citation], Field(max_length=6)] = []


Body = Annotated[
    Assessment | Diagnosis | Forecast | Proposal | Account | Measurement | Vote, Field(discriminator="type")
]


class Statement(Model):
    """The signed payload: who says what about which Incident, and until when it counts."""

    incident_uid: ShortText
    incident: ShortText
    """``namespace/name``, for people; ``incident_uid`` is what binds."""
    agent: ShortText
    role: ShortText
    issued_at: Timestamp
    expires_at: Timestamp
    generation: int = 0
    """``metadata.generation`` of the Incident that the statement is about."""
    target: Text | None = None
    """What the Incident was about (``IncidentSpec.about``); None in statements of versions that did not say it."""
    body: Body
