"""Changes to one Incident, collected from many alerts and written at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from incident_commander.api.incident import Alert, AlertStatus, Incident, IncidentSpec
from incident_commander.api.meta import ObjectMeta, format_time
from incident_commander.api.names import LABEL_STORM, LABEL_TARGET_HASH
from incident_commander.api.statement import Severity
from incident_commander.intake.bounds import TEXT_LIMIT, bounded, weight
from incident_commander.intake.fingerprint import firing_key
from incident_commander.intake.known import Known
from incident_commander.intake.lane import Lane
from incident_commander.intake.omitted import ANNOTATION_OMITTED, Omitted
from incident_commander.intake.severity import highest, severity_of
from incident_commander.intake.skew import said_of, sent_start, skewed_fields
from incident_commander.ports import Object

ALERTS_LIMIT = 50
STORM_ALERTS_LIMIT = 20
"""A storm's Incident is written often, and each alert in it makes that dearer; its alerts are only a sample."""
ALERTS_BYTES = 96 * 1024
"""What the recorded alerts of an Incident may weigh together; further ones are counted."""
_DESCRIPTION_LIMIT = 8192
_DESCRIBED_BY = ("description", "message", "summary")


class AlertState(NamedTuple):
    """What a recorded alert is compared by."""

    starts_at: datetime
    firing: bool


@dataclass(slots=True)
class Draft:
    """What is to be changed in a stored Incident (``base``), or put into a new one (``base`` None)."""

    base: Known | None
    limit: int = ALERTS_LIMIT
    omitted: Omitted = field(default_factory=Omitted)
    severity: Severity = Severity.INFO
    weight: int = 0
    """Roughly the bytes of ``added``."""
    added: dict[str, Alert] = field(default_factory=dict)
    """By fingerprint, in the order of arrival."""
    replaced: dict[str, Alert] = field(default_factory=dict)
    resolved: dict[str, Alert] = field(default_factory=dict)

    @classmethod
    def of(cls, base: Known | None, lane: Lane) -> Draft:
        """No changes yet."""
        limit = STORM_ALERTS_LIMIT if lane.storm else ALERTS_LIMIT
        return cls(base, limit) if base is None else cls(base, limit, base.omitted, base.severity)

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        if self.base is None:
            return bool(self.added) or self.omitted.total > 0
        return bool(self.added or self.replaced or self.resolved) or self.omitted != self.base.omitted

    def state_of(self, fingerprint: str) -> AlertState | None:
        """A recorded alert as it will be after the write, or None."""
        pending = self.added.get(fingerprint) or self.replaced.get(fingerprint) or self.resolved.get(fingerprint)
        if pending is not None:
            return AlertState(sent_start(pending), pending.status is AlertStatus.FIRING)
        stored = self.base.alerts.get(fingerprint) if self.base is not None else None
        return AlertState(stored.starts_at, stored.firing) if stored is not None else None

    def record(self, alert: Alert) -> bool:
        """Put a new alert into the list, or count it when there is no room; whether it was recorded."""
        self._raise_severity(alert)
        taken = (self.base.places or 0) if self.base is not None else 0
        heavier = weight(alert.labels, alert.annotations) + len(alert.generator_url)
        held = self.weight + (self.base.weight if self.base is not None else 0)
        if taken + len(self.added) < self.limit and held + heavier <= ALERTS_BYTES:
            self.added[alert.fingerprint] = alert
            self.weight += heavier
            return True
        self.omitted = self.omitted.with_firing(firing_key(alert.fingerprint, sent_start(alert)))
        return False

    def update(self, alert: Alert) -> None:
        """A recorded alert as it is now, with a new ``startsAt`` or firing again."""
        self._raise_severity(alert)
        if alert.fingerprint in self.added:
            self.added[alert.fingerprint] = alert
        else:
            self.resolved.pop(alert.fingerprint, None)
            self.replaced[alert.fingerprint] = alert

    def resolve(self, alert: Alert) -> None:
        """A recorded alert is over."""
        for pending in (self.added, self.replaced):
            if alert.fingerprint in pending:
                pending[alert.fingerprint] = alert
                return
        if "endsAt" in skewed_fields(alert):
            self.replaced[alert.fingerprint] = alert  # all of it: it says what its end was sent as
        else:
            self.resolved[alert.fingerprint] = alert

    def count_truncated(self, group_key: str, count: int) -> None:
        """Alertmanager left out that many alerts of the group."""
        self.omitted = self.omitted.with_truncated(group_key, count)

    def _raise_severity(self, alert: Alert) -> None:
        if alert.status is AlertStatus.FIRING and (self.base is None or self.base.open):
            self.severity = highest((self.severity, severity_of(alert.labels)))


def patch_of(draft: Draft, base: Known) -> list[dict[str, Any]]:
    """JSON Patch: that it is still the Incident that was read, and open; then the changes.

    Tested are the UID, the generation (every change of spec raises it) and the phase, so that status updates and
    agents' annotations do not get in the way; the resourceVersion where the phase alone does not tell.
    """
    operations: list[dict[str, Any]] = [{"op": "test", "path": "/metadata/uid", "value": base.uid}]
    if base.phase and base.annotated:
        operations.append({"op": "test", "path": "/metadata/generation", "value": base.generation})
        operations.append({"op": "test", "path": "/status/phase", "value": base.phase})
    else:
        operations.append({"op": "test", "path": "/metadata/resourceVersion", "value": base.resource_version})
    if draft.added and base.places is None:
        operations.append({"op": "add", "path": "/spec/alerts", "value": []})
    for fingerprint, alert in draft.replaced.items():
        path = f"/spec/alerts/{base.alerts[fingerprint].index}"
        operations.append({"op": "replace", "path": path, "value": alert.to_json()})
    for fingerprint, alert in draft.resolved.items():
        path = f"/spec/alerts/{base.alerts[fingerprint].index}"
        operations.append({"op": "add", "path": f"{path}/status", "value": AlertStatus.RESOLVED.value})
        if alert.ends_at is not None:
            operations.append({"op": "add", "path": f"{path}/endsAt", "value": format_time(alert.ends_at)})
    operations += [{"op": "add", "path": "/spec/alerts/-", "value": a.to_json()} for a in draft.added.values()]
    if draft.severity is not base.severity:
        operations.append({"op": "add", "path": "/spec/severity", "value": draft.severity.value})
    if draft.omitted != base.omitted:
        operations.append({"op": "add", "path": "/spec/omittedAlerts", "value": draft.omitted.total})
        if not base.annotated:
            operations.append({"op": "add", "path": "/metadata/annotations", "value": {}})
        path = "/metadata/annotations/" + ANNOTATION_OMITTED.replace("/", "~1")
        operations.append({"op": "add", "path": path, "value": draft.omitted.to_text()})
    return operations


def incident_of(draft: Draft, lane: Lane, name: str, group_key: str) -> Object:
    """The Incident to create."""
    alerts = list(draft.added.values())
    labels = {LABEL_TARGET_HASH: lane.hash} | ({LABEL_STORM: "true"} if lane.storm else {})
    incident = Incident(
        metadata=ObjectMeta(name=name, namespace=lane.namespace),
        spec=IncidentSpec(
            alerts=alerts,
            omitted_alerts=draft.omitted.total,
            severity=draft.severity,
            target_ref=lane.target,
            description=_description(alerts, lane),
            group_key=bounded(group_key, TEXT_LIMIT),
            storm=lane.storm,
        ),
    )
    return {
        "apiVersion": incident.api_version,
        "kind": incident.kind,
        "metadata": {
            "name": name,
            "namespace": lane.namespace,
            "labels": labels,
            # Always there, so that a patch never has to make the map, which agents write to as well.
            "annotations": {ANNOTATION_OMITTED: draft.omitted.to_text()},
        },
        "spec": incident.spec.to_json(),
    }


def _description(alerts: list[Alert], lane: Lane) -> str:
    if lane.storm:
        return f"Alert storm in namespace {lane.namespace}: this Incident stands for all alerts above the limit."
    told = (alert.annotations.get(key) for alert in alerts for key in _DESCRIBED_BY)
    wrong = next((text for text in map(said_of, alerts) if text), "")
    texts = (next((text for text in told if text), ""), wrong)
    return bounded("\n".join(text for text in texts if text), _DESCRIPTION_LIMIT)
