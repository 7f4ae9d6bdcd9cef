"""The series behind a hypothesis, and in which order series began to move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.movements import Movement, movements
from incident_commander.api import kinds
from incident_commander.api.statement import Citation, CitationKind, Hypothesis
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.series import Change, Points, changes, moved_first
from incident_commander.ports import Series

_MOST = 3
"""Series that are shown."""
_NOTABLE = 1.5
_GROUPS, _OF_GROUP = 3, 4


@dataclass(frozen=True, slots=True)
class Driving:
    """``subject`` is the object that the series is about, or its labels.

    ``at``: when it changed (unix seconds), or what parts before from after where it did not clearly change.
    """

    name: str
    subject: str
    unit: str
    points: Points
    change: Change | None
    at: float | None
    words: str
    """How it changed."""


@dataclass(frozen=True, slots=True)
class Order:
    """Series in the order in which they began to move. Those of one group cannot be told apart."""

    groups: Sequence[Sequence[str]] = ()
    began: Sequence[datetime] = ()
    """Of each group, the earliest."""


def driving(evidence: Evidence, hypothesis: Hypothesis) -> list[Driving]:
    """The series that a hypothesis cites, those of its object first; at most three."""
    case = Case(evidence, None, evidence.captured_at)
    measured = {m.citation.ref: m for m in movements(case) if len(m.points)}
    own = _own_pods(case, hypothesis)
    found: dict[str, Driving] = {}
    for cited in hypothesis.evidence:
        if cited.kind is CitationKind.METRIC:
            moved = measured.get(cited.ref)
            for one in [_moved(moved)] if moved is not None else _queried(case, cited, hypothesis, own):
                found.setdefault(f"{one.name} {one.subject}", one)
    about = str(hypothesis.object)
    return sorted(found.values(), key=lambda one: one.subject != about)[:_MOST]


def order(evidence: Evidence) -> Order:
    """Which of the series that moved notably began first."""
    found: dict[str, Change] = {}
    for moved in movements(Case(evidence, None, evidence.captured_at)):
        if moved.change is not None and (moved.rose >= _NOTABLE or moved.rose <= 1 / _NOTABLE):
            name = f"{moved.name} of {moved.subject} {'rose' if moved.change.up else 'fell'}"
            if name not in found or moved.change.at < found[name].at:
                found[name] = moved.change
    groups = moved_first(found)
    began = [datetime.fromtimestamp(min(found[name].at for name in group), UTC) for group in groups[:_GROUPS]]
    return Order([group[:_OF_GROUP] for group in groups[:_GROUPS]], began)


def _moved(moved: Movement) -> Driving:
    return Driving(moved.name, moved.subject, moved.unit, moved.points, moved.change, moved.since, moved.words)


def _own_pods(case: Case, hypothesis: Hypothesis) -> frozenset[str]:
    target = hypothesis.object
    kind = kinds.kind_of(target.api_version, target.kind) if target is not None else None
    obj = case.find(kind, target.namespace or "", target.name) if target is not None and kind is not None else None
    return frozenset(fields.name(p) for p in case.topology.pods_of(obj)) if obj is not None else frozenset()


def _queried(case: Case, cited: Citation, hypothesis: Hypothesis, own: frozenset[str]) -> Iterator[Driving]:
    """Of a named query's answer, the object's series with the highest value."""
    measured = next((m for m in case.evidence.metrics.values() if m.query.promql[:1024] == cited.ref), None)
    container = hypothesis.facts.get("container", "")
    claim = hypothesis.facts.get("claim", "")
    fitting = [
        series
        for series in (measured.series if measured is not None else ())
        if (not own or series.labels.get("pod", "") in own or "pod" not in series.labels)
        and series.labels.get("container", container) in (container, "")
        and (not claim or series.labels.get("persistentvolumeclaim", claim) == claim)
    ]
    if measured is not None and fitting:
        top = max(fitting, key=_peak)
        subject = "/".join(
            top.labels[key] for key in ("pod", "container", "persistentvolumeclaim") if top.labels.get(key)
        )
        change, query = changes(top.points), measured.query
        words = change.words(query.unit) if change is not None else "no clear change"
        at = change.at if change is not None else None
        yield Driving(query.name, subject, query.unit, top.points, change, at, words)


def _peak(series: Series) -> float:
    return max((value for _, value in series.points), default=0.0)
