"""Times that cannot be: an alert that begins in the future, or ends before it began.

Refusing it would lose the alert, since Alertmanager gives up on 4xx. It is taken with the time at which it came, so
that what compares its start with changes and samples is not misled, and it says what it was sent with.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.api.meta import format_time
from incident_commander.api.names import GROUP

TOLERANCE = timedelta(minutes=5)
"""Clocks may differ by that much before a time counts as wrong."""
SENT_START = f"{GROUP}/sent-starts-at"
"""In the annotations of a recorded alert: the ``startsAt`` that it was sent with, if that could not be."""
SENT_END = f"{GROUP}/sent-ends-at"
OWN_ANNOTATIONS = frozenset({SENT_START, SENT_END})


def believable(alert: Alert, now: datetime) -> Alert:
    """The alert with times that can be; unchanged where they are."""
    marks: dict[str, str] = {}
    starts_at, ends_at = alert.starts_at, alert.ends_at
    received = now.astimezone(UTC).replace(microsecond=now.microsecond // 1000 * 1000)
    if starts_at > received + TOLERANCE:
        marks[SENT_START], starts_at = format_time(starts_at), received
    if ends_at is not None and (ends_at < starts_at or ends_at > received + TOLERANCE):
        # What began only now, by its own account, and is over may well have ended some seconds ago.
        if SENT_START not in marks:
            marks[SENT_END] = format_time(ends_at)
        ends_at = max(starts_at, received)
    if not marks:
        return alert
    annotations = alert.annotations | marks
    return alert.model_copy(update={"starts_at": starts_at, "ends_at": ends_at, "annotations": annotations})


def sent_start(alert: Alert) -> datetime:
    """What tells one firing of the alert from another, however often and whenever it is sent."""
    sent = alert.annotations.get(SENT_START)
    return datetime.fromisoformat(sent) if sent is not None else alert.starts_at


def skewed_fields(alert: Alert) -> tuple[str, ...]:
    """Which of its times could not be: ``startsAt``, ``endsAt``."""
    marks = ((SENT_START, "startsAt"), (SENT_END, "endsAt"))
    return tuple(field for mark, field in marks if mark in alert.annotations)


def said_of(alert: Alert) -> str:
    """What an Incident says about it; empty where its times can be."""
    ahead, early = alert.annotations.get(SENT_START), alert.annotations.get(SENT_END)
    if ahead is not None:
        wrong = f"startsAt is {ahead}, in the future when it came at {format_time(alert.starts_at)}, which counts"
    elif early is not None and alert.status is AlertStatus.RESOLVED:
        wrong = f"endsAt is {early}, which cannot be for one that began at {format_time(alert.starts_at)}"
    else:
        return ""
    return f"Alert {alert.name or alert.fingerprint}: {wrong}. Compare the clocks of Prometheus and of the gateway."
