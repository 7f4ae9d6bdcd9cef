"""The shape of ``diagnose -o json``, for scripts. Fields may be added within a version; none is renamed or removed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, WithJsonSchema

from incident_agents.diagnosis.driving import Driving
from incident_agents.diagnosis.examined import Examined
from incident_agents.diagnosis.verdict import Verdict
from incident_commander.api.meta import Model, Percent, Timestamp
from incident_commander.api.statement import Citation, CitationKind, Hypothesis
from incident_commander.cli.diagnose.report import Report, Root
from incident_commander.evidence.series import sparkline

API_VERSION: Literal["incidentcommander.io/v1alpha1"] = "incidentcommander.io/v1alpha1"
KIND: Literal["DiagnosisReport"] = "DiagnosisReport"


Time = Annotated[Timestamp, WithJsonSchema({"type": "string", "format": "date-time"})]


class _Part(Model):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ObjectReference(_Part):
    """An object of the cluster."""

    api_version: str
    """Group and version, such as `apps/v1`."""
    kind: str
    """Such as `Deployment`."""
    namespace: str | None = None
    """Absent for what has none."""
    name: str
    """Its name."""
    uid: str | None = None
    """Which incarnation of the name, where it is known."""
    generation: int | None = None
    """Of its spec, where it is known."""


class Evidence(_Part):
    """One fact that can be looked up again."""

    kind: CitationKind
    """Where it was read. A Note is another tool's output in a bundle."""
    ref: str
    """Object: `Kind/namespace/name`; of an Event the object that it is about. Log: `Pod/namespace/name/container`,
    with `:previous` for the container before the last restart. Metric: the query or series. Alert, Note: its name."""
    path: str = ""
    """Object: the field. Event: its reason. Metric: the query's name. Log: `line 4711`, empty where it is not known."""
    value: str = ""
    """What stands there: a field's value, a message, a number with its unit, a line. Secrets are taken out."""
    resource_version: str | None = None
    """Object: the version at which the field had this value, where it was shown unchanged."""


class Cause(_Part):
    """A possible cause."""

    cause: str
    """Its category; docs/diagnosis.md lists them. `Unknown` says that no other one is believed."""
    object: ObjectReference | None = None
    """Where the cause is; absent where no single object is."""
    confidence: Percent
    """Calibrated: of hypotheses with 90, about nine in ten are right (docs/diagnosis.md has the table)."""
    summary: str
    """In one sentence."""
    evidence: list[Evidence] = []
    """What it rests on."""
    facts: dict[str, str] = {}
    """Parameters that runbooks can refer to."""


class Effect(_Part):
    """Something that needs no cause of its own, given the one that explains it."""

    cause: str
    """Its category."""
    object: ObjectReference | None = None
    """Where it is seen."""
    confidence: Percent
    """As of a cause."""
    summary: str
    """In one sentence."""


class RootCause(Cause):
    """A cause that is believed, and that no other one explains."""

    explains: list[Effect] = []
    """What follows of it, likeliest first."""


class Question(_Part):
    """Something that was looked for without a sign of it being found."""

    analyser: str
    """Who looked; docs/diagnosis.md lists them."""
    question: str
    """What for."""
    looked_at: dict[str, int] = {}
    """In what: by plural and group how many objects, by `metrics` how many series, by `logs` how many lines."""
    missing: list[str] = []
    """What it needs besides, and could not be read."""


class TimelineEntry(_Part):
    """What changed, or was seen of it."""

    time: Time
    """When."""
    type: Literal["Change", "Symptom"]
    """Somebody or something changed it, or it shows what is wrong."""
    object: str
    """`Kind/namespace/name`."""
    message: str
    """What happened."""


class ChangePoint(_Part):
    """Where a series changed its level."""

    time: Time
    """When."""
    before: float
    """The level before, in the unit of the series."""
    after: float
    """The level since."""


class SeriesSummary(_Part):
    """A series that the first hypothesis cites."""

    name: str
    """As it was queried or recorded."""
    object: str
    """Whom it is about, or its labels."""
    unit: str
    """Of its values; empty where it is not known."""
    sparkline: str
    """Its course in one line of block characters."""
    change_point: ChangePoint | None = None
    """Absent where it did not clearly change."""


class Onset(_Part):
    """Series that began to move at about the same time."""

    time: Time
    """The earliest of them."""
    series: list[str]
    """Their names and objects."""


class DiagnosisReport(_Part):
    """What `diagnose` found."""

    api_version: Literal["incidentcommander.io/v1alpha1"] = API_VERSION
    """Of this shape."""
    kind: Literal["DiagnosisReport"] = KIND
    """Always the same."""
    subject: str
    """What was asked about: an object, a namespace or a bundle."""
    captured_at: Time
    """As of when."""
    verdict: Verdict
    """`CauseFound`; `Healthy`: all is well, and what is listed besides are suspicions; `Unknown`: something is not
    well, and no cause is believed; `Inconclusive`: too little could be read to tell."""
    headline: str
    """The verdict in one sentence."""
    hypotheses: list[RootCause]
    """Those that are believed, best first: confidence of 50 and more. Empty unless the verdict is CauseFound."""
    suspicions: list[Cause]
    """Those that are less likely, best first, and that no hypothesis explains."""
    clues: list[Evidence]
    """Where a person would go on when no cause is named."""
    ruled_out: list[Question]
    """What was looked for in evidence that could have shown it."""
    not_examined: list[Question]
    """What was looked for in vain because evidence is missing."""
    gaps: list[str]
    """What could not be read, or not in full."""
    looked_at: dict[str, int]
    """Everything that was read: objects by plural and group, `logs`, `logLines`, `series`, `alerts`."""
    timeline: list[TimelineEntry]
    """Oldest first."""
    series: list[SeriesSummary]
    """What the first hypothesis cites of them."""
    onsets: list[Onset]
    """Which series moved first; empty where all moved together."""


def document(report: Report) -> DiagnosisReport:
    """A report for scripts."""
    return DiagnosisReport(
        subject=report.subject,
        captured_at=report.captured_at,
        verdict=report.verdict,
        headline=report.headline,
        hypotheses=[_root(r) for r in report.roots],
        suspicions=[_cause(h) for h in report.suspicions],
        clues=_evidence(report.clues),
        ruled_out=[_question(e) for e in report.ruled_out if e.answered],
        not_examined=[_question(e) for e in report.ruled_out if not e.answered],
        gaps=list(report.not_seen),
        looked_at=dict(report.looked_at),
        timeline=[
            TimelineEntry(time=c.at, type="Symptom" if c.symptom else "Change", object=c.ref, message=c.text)
            for c in report.changes
        ],
        series=[_series(one) for one in report.series],
        onsets=[
            Onset(time=at, series=list(group))
            for at, group in zip(report.order.began, report.order.groups, strict=True)
        ],
    )


def _cause(found: Hypothesis) -> Cause:
    return Cause.model_validate({**found.to_json(), "evidence": _evidence(found.evidence)})


def _root(found: Root) -> RootCause:
    effects = [
        Effect(cause=e.cause, object=_object(e), confidence=e.confidence, summary=e.summary) for e in found.effects
    ]
    return RootCause.model_validate({**_cause(found.cause).to_json(), "explains": effects})


def _object(found: Hypothesis) -> ObjectReference | None:
    return ObjectReference.model_validate(found.object.to_json()) if found.object is not None else None


def _evidence(cited: Sequence[Citation]) -> list[Evidence]:
    return [Evidence.model_validate(citation.to_json()) for citation in cited]


def _question(examined: Examined) -> Question:
    return Question(
        analyser=examined.analyser,
        question=examined.question,
        looked_at=dict(examined.looked_at),
        missing=list(examined.missing),
    )


def _series(one: Driving) -> SeriesSummary:
    change = None
    if one.change is not None:
        began = datetime.fromtimestamp(one.change.at, UTC)
        change = ChangePoint(time=began, before=one.change.before, after=one.change.after)
    drawn = sparkline(one.points)
    return SeriesSummary(name=one.name, object=one.subject, unit=one.unit, sparkline=drawn, change_point=change)
