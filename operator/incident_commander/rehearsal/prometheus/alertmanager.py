"""Alertmanager: groups alerts, waits, and posts webhook v4 payloads until they are accepted."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from incident_commander.rehearsal.clock import VirtualClock
from incident_commander.rehearsal.prometheus.rules import ActiveAlert, group_key, stamp

_ZERO_TIME = "0001-01-01T00:00:00Z"
_EXTERNAL_URL = "http://alertmanager.monitoring:9093"
_GENERATOR_URL = "http://prometheus.monitoring:9090/graph"


@dataclass(slots=True)
class _Group:
    labels: Mapping[str, str]
    alerts: dict[str, ActiveAlert] = field(default_factory=dict)
    sent: frozenset[tuple[str, bool]] = frozenset()
    flush_planned: bool = False
    notified: bool = False


class Alertmanager:
    """One route with ``send_resolved``. What is due for the webhook is in ``outbox``."""

    def __init__(
        self,
        clock: VirtualClock,
        *,
        group_by: tuple[str, ...] = ("namespace", "alertname"),
        group_wait_seconds: float = 5.0,
        group_interval_seconds: float = 30.0,
    ) -> None:
        self._clock = clock
        self._group_by = group_by
        self._wait = group_wait_seconds
        self._interval = group_interval_seconds
        self._groups: dict[str, _Group] = {}
        self.outbox: deque[dict[str, Any]] = deque()

    def receive(self, alerts: list[ActiveAlert]) -> None:
        """What Prometheus sends after each evaluation: firing instances, and those that were just resolved."""
        for alert in alerts:
            labels = {name: alert.labels.get(name, "") for name in self._group_by}
            group = self._groups.setdefault(group_key(labels), _Group(labels))
            group.alerts[alert.fingerprint] = alert
            if not group.flush_planned and _state(group) != group.sent:
                group.flush_planned = True
                self._clock.after(self._interval if group.notified else self._wait, partial(self._flush, group))

    def active(self) -> list[dict[str, Any]]:
        """As ``GET /api/v2/alerts``."""
        return [
            _entry(alert)
            for group in self._groups.values()
            for alert in group.alerts.values()
            if alert.resolved_at is None
        ]

    def _flush(self, group: _Group) -> None:
        group.flush_planned = False
        state = _state(group)
        if state == group.sent:
            return
        self.outbox.append(self._payload(group))
        group.notified = True
        group.alerts = {key: alert for key, alert in group.alerts.items() if alert.resolved_at is None}
        group.sent = _state(group)

    def _payload(self, group: _Group) -> dict[str, Any]:
        alerts = list(group.alerts.values())
        return {
            "version": "4",
            "groupKey": group_key(group.labels),
            "truncatedAlerts": 0,
            "status": "firing" if any(a.resolved_at is None for a in alerts) else "resolved",
            "receiver": "incident-commander",
            "groupLabels": dict(group.labels),
            "commonLabels": _common([alert.labels for alert in alerts]),
            "commonAnnotations": _common([alert.annotations for alert in alerts]),
            "externalURL": _EXTERNAL_URL,
            "alerts": [_entry(alert) for alert in alerts],
        }


def _state(group: _Group) -> frozenset[tuple[str, bool]]:
    return frozenset((key, alert.resolved_at is not None) for key, alert in group.alerts.items())


def _entry(alert: ActiveAlert) -> dict[str, Any]:
    fired: datetime = alert.fired_at or alert.pending_since
    return {
        "status": "firing" if alert.resolved_at is None else "resolved",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": stamp(fired),
        "endsAt": _ZERO_TIME if alert.resolved_at is None else stamp(alert.resolved_at),
        "generatorURL": _GENERATOR_URL,
        "fingerprint": alert.fingerprint,
    }


def _common(maps: list[Mapping[str, str]]) -> dict[str, str]:
    if not maps:
        return {}
    return {key: value for key, value in maps[0].items() if all(m.get(key) == value for m in maps)}
