"""What the gateway logs, so that "where is my alert?" has an answer: a line per write, per request that writes nothing
(debug), and per refusal, of which a flood is bounded. Never a token, nor anything of an alert but its name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog

from incident_commander.api.incident import Alert
from incident_commander.gateway.refusal import HttpRefusal
from incident_commander.intake.correlate import Fate
from incident_commander.intake.lane import Lane
from incident_commander.intake.storm import TokenBucket
from incident_commander.ports import Clock

STEP = "Intake"
_NAMED = 5
"""Alerts named in a line; how many there were, the line's ``fates`` say."""
_NAME = 128
_BURST, _PER_SECOND = 10, 0.2
"""Lines about refusals, for each HTTP status."""
_UNWRITTEN = frozenset({Fate.UNCHANGED, Fate.ALREADY_OVER})
_EVENTS = {
    Fate.JOINED: "Alerts joined the Incident",
    Fate.COUNTED: "Alerts were counted in the Incident",
    Fate.UPDATED: "Alerts of the Incident fire again",
    Fate.RESOLVED: "Alerts of the Incident resolved",
}
"""By the weightiest of the fates, heaviest first."""
_STORM = "Alert storm: one Incident stands for all further alerts of its namespace"
_log = structlog.get_logger(__name__)


def created(incident: str, lane: Lane, alerts: Iterable[Alert], fates: Collection[Fate]) -> None:
    """An Incident (``namespace/name``) was stored."""
    told = _told(incident, lane, alerts, fates)
    if lane.storm:
        _log.warning(_STORM, **told)
    else:
        _log.info("Incident created", **told)


def written(incident: str, lane: Lane, alerts: Iterable[Alert], fates: Collection[Fate]) -> None:
    """Alerts were written into an Incident that was stored before."""
    event = next((event for fate, event in _EVENTS.items() if fate in fates), "Alerts were left out by Alertmanager")
    _log.info(event, **_told(incident, lane, alerts, fates))


def received(alerts: Iterable[Alert], fates: Collection[Fate], incidents: Collection[str]) -> None:
    """A notification is stored. Said where no write has said it."""
    if _UNWRITTEN.issuperset(fates):
        known = sorted(set(incidents) - {""})[:_NAMED]
        _log.debug("Alerts changed nothing", step=STEP, incidents=known, fates=_counts(fates), alerts=_names(alerts))


class RefusalLog:
    """Requests that were not answered with 200."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[int, TokenBucket] = {}
        self._left_out: Counter[int] = Counter()

    def refused(self, refusal: HttpRefusal, client: str, request: str = "", alerts: Iterable[Alert] = ()) -> None:
        """A warning with status and reason; ``client`` is an address, ``request`` method and path where unusual.

        ``left_out``: refusals of that status since the line before, for which there was none.
        """
        status, now = refusal.status, self._clock.now()
        if not self._bucket(status, now).take(now):
            self._left_out[status] += 1
            return
        told: dict[str, Any] = {"request": request, "alerts": _names(alerts)}
        told["left_out"] = self._left_out.pop(status, 0)
        _log.warning(
            "Alerts were not stored" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "Alerts were refused",
            step=STEP,
            status=status,
            reason=str(refusal),
            client=client,
            **{name: value for name, value in told.items() if value},
        )

    def _bucket(self, status: int, now: datetime) -> TokenBucket:
        return self._buckets.setdefault(status, TokenBucket(_BURST, _PER_SECOND, now))


def _told(incident: str, lane: Lane, alerts: Iterable[Alert], fates: Collection[Fate]) -> dict[str, Any]:
    target = str(lane.target) if lane.target is not None else "none"
    return {
        "incident": incident,
        "step": STEP,
        "target": target,
        "fates": _counts(fates),
        "alerts": _names(alerts),
    }


def _counts(fates: Iterable[Fate]) -> dict[str, int]:
    return {fate.value: count for fate, count in Counter(fates).items()}


def _names(alerts: Iterable[Alert]) -> list[str]:
    """Name and fingerprint of the first ones."""
    return [f"{alert.name[:_NAME]} {alert.fingerprint}" for alert, _ in zip(alerts, range(_NAMED), strict=False)]
