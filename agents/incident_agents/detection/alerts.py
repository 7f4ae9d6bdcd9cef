"""What Prometheus says of an alert over the last half hour. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.api.statement import AlertState
from incident_commander.ports import Series

FLAPPING_STARTS = 3
"""As many times begun within the history is flapping, not one alert that was interrupted."""


class Presence(enum.StrEnum):
    """What Prometheus says of one alert now. UNHEARD: it does not evaluate this alert, or could not be asked."""

    ACTIVE = "Active"
    ABSENT = "Absent"
    UNHEARD = "Unheard"


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert of the Incident as Alertmanager reported it and as Prometheus sees it."""

    alert: Alert
    presence: Presence
    starts: int = 0
    """How many times it began within the history."""


def view_alert(
    alert: Alert, now: Sequence[Series] | None, history: Sequence[Series] | None, step_seconds: int
) -> AlertView:
    """Combine an instant and a range answer; None is a question that was not answered.

    Only an alert that this Prometheus has evaluated before can be told to be absent: one that comes from
    elsewhere (Grafana, another Prometheus) never had a series here. Pending is active: the rule's condition holds.
    """
    starts = _starts(history or (), step_seconds)
    if now is None:
        return AlertView(alert, Presence.UNHEARD, starts)
    if now:
        return AlertView(alert, Presence.ACTIVE, max(1, starts))
    known = any(series.points for series in history or ())
    return AlertView(alert, Presence.ABSENT if known else Presence.UNHEARD, starts)


def state_of(views: Sequence[AlertView]) -> AlertState:
    """The state of all alerts together: any active one is firing; all must be gone to be gone.

    An alert that Prometheus does not know counts as gone when Alertmanager has sent its end.
    """
    if not views:
        return AlertState.UNKNOWN
    if any(view.starts >= FLAPPING_STARTS for view in views if view.presence is not Presence.UNHEARD):
        return AlertState.FLAPPING
    if any(view.presence is Presence.ACTIVE for view in views):
        return AlertState.FIRING
    gone = (
        view.presence is Presence.ABSENT
        or (view.presence is Presence.UNHEARD and view.alert.status is AlertStatus.RESOLVED)
        for view in views
    )
    return AlertState.GONE if all(gone) else AlertState.UNKNOWN


def _starts(history: Sequence[Series], step_seconds: int) -> int:
    """Runs without a gap (a step and a half) in which any instance of the alert fired."""
    firing = (series for series in history if series.labels.get("alertstate", "firing") == "firing")
    times = sorted({at for series in firing for at, _ in series.points})
    return bool(times) + sum(later - earlier > 1.5 * step_seconds for earlier, later in pairwise(times))
