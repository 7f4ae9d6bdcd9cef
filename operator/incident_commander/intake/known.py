"""What is kept of a stored Incident: enough to correlate by, small enough to keep many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from incident_commander.api.causes import Cause
from incident_commander.api.incident import Outcome, Phase
from incident_commander.api.names import LABEL_TARGET_HASH
from incident_commander.api.reasons import Reason
from incident_commander.api.statement import Severity
from incident_commander.intake.bounds import weight
from incident_commander.intake.omitted import ANNOTATION_OMITTED, Omitted
from incident_commander.intake.skew import SENT_START
from incident_commander.ports import Object

_TERMINAL = frozenset(phase.value for phase in Phase if phase.terminal)
_SURE = 50
"""Confidence, in percent, from which on a cause explains more than the alert that it was found for."""
_HANDED_OVER = frozenset({Outcome.RECOMMENDED.value, Outcome.REJECTED.value, Outcome.ROLLED_BACK.value})


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """A recorded alert; ``index`` is its place in ``spec.alerts``, ``starts_at`` what it was sent with."""

    index: int
    starts_at: datetime
    firing: bool


@dataclass(frozen=True, slots=True)
class Known:
    """A stored Incident as it was read. ``phase`` is empty before the coordinator has seen it."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    lane: str
    """Value of the label ``incidentcommander.io/target``."""
    phase: str
    open: bool
    """Alerts may join: not ended, and not being deleted."""
    handed_over: bool
    """Ended with people while one of its alerts still fires.

    The same trouble needs no second Incident on their desk, and no second try of what did not help.
    """
    explained_until: datetime | None
    """When it ended, if with a cause that is known, or as a storm, which needs none; None otherwise."""
    created: str
    alerts: Mapping[str, KnownAlert]
    """By fingerprint."""
    places: int | None
    """Length of ``spec.alerts``; None when there is no such list."""
    weight: int
    """Roughly the bytes of ``spec.alerts``."""
    severity: Severity
    omitted: Omitted
    annotated: bool
    """Whether ``metadata.annotations`` exists."""

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"


def known_incident(obj: Object) -> Known:
    """From the object as the API server sends it. What others made unreadable in it reads as absent."""
    meta, spec = _mapping(obj.get("metadata")), _mapping(obj.get("spec"))
    annotations, labels = _mapping(meta.get("annotations")), _mapping(meta.get("labels"))
    phase = str(_mapping(obj.get("status")).get("phase") or "")
    listed = spec.get("alerts")
    alerts = listed if isinstance(listed, list) else None
    return Known(
        namespace=str(meta.get("namespace") or ""),
        name=str(meta.get("name") or ""),
        uid=str(meta.get("uid") or ""),
        generation=int(meta.get("generation") or 0),
        resource_version=str(meta.get("resourceVersion") or ""),
        lane=str(labels.get(LABEL_TARGET_HASH) or ""),
        phase=phase,
        open=not meta.get("deletionTimestamp") and phase not in _TERMINAL,
        handed_over=not meta.get("deletionTimestamp") and _handed_over(obj, alerts or ()),
        explained_until=_explained_until(obj) if phase in _TERMINAL else None,
        created=str(meta.get("creationTimestamp") or ""),
        alerts=_alerts(alerts or ()),
        places=None if alerts is None else len(alerts),
        weight=sum(_weight(item) for item in alerts or ()),
        severity=_severity(spec.get("severity")),
        omitted=Omitted.from_text(str(annotations.get(ANNOTATION_OMITTED, "{}")), _count(spec.get("omittedAlerts"))),
        annotated=isinstance(meta.get("annotations"), dict),
    )


def _handed_over(obj: Object, alerts: Sequence[Any]) -> bool:
    status = _mapping(obj.get("status"))
    phase, outcome = status.get("phase"), status.get("outcome")
    if status.get("cause") == Cause.TARGET_GONE.value:
        return False  # there was nothing to look at: what comes later is about something that exists
    if any(_mapping(one).get("reason") == Reason.TARGET_REPLACED.value for one in _listed(status.get("conditions"))):
        return False  # what comes later is about the other object
    held = phase == Phase.ESCALATED.value or (phase == Phase.CLOSED.value and outcome in _HANDED_OVER)
    return held and any(alert.firing for alert in _alerts(alerts).values())


def _explained_until(obj: Object) -> datetime | None:
    status = _mapping(obj.get("status"))
    if _mapping(obj.get("spec")).get("storm") is True:
        return _moment(status.get("finishedAt"))
    cause, confidence = status.get("cause"), status.get("confidence")
    vague = not cause or cause == Cause.UNKNOWN.value or (isinstance(confidence, int) and confidence < _SURE)
    return None if vague else _moment(status.get("finishedAt"))


def home_of(knowns: Sequence[Known], lane: str) -> Known | None:
    """Where untold alerts of the lane are counted: the oldest open Incident, else the oldest with people."""
    mine = [known for known in knowns if (known.open or known.handed_over) and known.lane == lane]
    return min(mine, key=lambda known: (not known.open, known.created, known.name), default=None)


def _alerts(listed: Sequence[Any]) -> dict[str, KnownAlert]:
    found: dict[str, KnownAlert] = {}
    for index, item in enumerate(listed):
        entry = _mapping(item)
        sent = _mapping(entry.get("annotations")).get(SENT_START)
        fingerprint, starts_at = entry.get("fingerprint"), _moment(sent or entry.get("startsAt"))
        if isinstance(fingerprint, str) and starts_at is not None:
            found[fingerprint] = KnownAlert(index, starts_at, entry.get("status") != "resolved")
    return found


def _weight(item: Any) -> int:
    entry = _mapping(item)
    texts = ({str(k): str(v) for k, v in _mapping(entry.get(name)).items()} for name in ("labels", "annotations"))
    return weight(*texts) + len(str(entry.get("generatorURL") or ""))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _severity(value: Any) -> Severity:
    return Severity(value) if value in set(Severity) else Severity.INFO


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, TypeError, OverflowError):
        return None
