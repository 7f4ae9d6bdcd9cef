"""The timeline with what its alerts did: they are recorded in the spec, at no write of the coordinator's."""

from __future__ import annotations

from collections.abc import Iterator

from incident_commander.api.incident import Alert, AlertStatus, Incident, TimelineEntry
from incident_commander.api.meta import format_time

_ACTOR = "alertmanager"
FIRED, RESOLVED = "AlertFiring", "AlertResolved"
_TOLD_APART_BY = ("pod", "container", "node", "instance", "job_name", "service")
"""Labels that tell alerts of one name apart, the most telling first."""


def story(incident: Incident) -> list[TimelineEntry]:
    """What was recorded and what each alert did, by time. What happened at the same time stays as recorded."""
    entries = [*incident.status.timeline, *_of_alerts(incident)]
    return sorted(entries, key=lambda entry: entry.at)


def _of_alerts(incident: Incident) -> Iterator[TimelineEntry]:
    alerts = incident.spec.alerts
    for alert in alerts:
        others = [other for other in alerts if other.name == alert.name and other is not alert]
        what = _named(alert, others)
        yield TimelineEntry(at=alert.starts_at, actor=_ACTOR, reason=FIRED, message=what)
        if alert.status is AlertStatus.RESOLVED and alert.ends_at is not None:
            lasted = f"{what}, which fired since {format_time(alert.starts_at)}"
            yield TimelineEntry(at=alert.ends_at, actor=_ACTOR, reason=RESOLVED, message=lasted[:1024])


def _named(alert: Alert, others: list[Alert]) -> str:
    name = alert.name or alert.fingerprint
    told = [f"{label} {alert.labels[label]}" for label in _TOLD_APART_BY if label in alert.labels]
    return (f"{name} ({told[0]})" if others and told else name)[:900]
