"""How many Incidents are diagnosed at a time, and which come first.

Six agents gather evidence for each. Begun all at once, a storm's Incidents would take API server and processors from
each other and from the gateway, and all would be late; a few at a time, the most severe is done while others wait.
What comes beside others waits a second at first, within which a storm shows itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_commander.api.conditions import ConditionType
from incident_commander.api.incident import Incident, Phase
from incident_commander.api.reasons import Reason
from incident_commander.api.statement import Severity
from incident_commander.coordinator.transition import Draft, Transition
from incident_commander.coordinator.view import View

STORM = timedelta(seconds=60)
"""How long after a storm's Incident was seen it is still taken to rage: storing alerts comes first then."""
STORM_PAUSE = timedelta(seconds=2)
"""In a storm, the least time between two that begin."""
TURN = timedelta(seconds=15)
"""What is not decided by then mostly waits (for a better picture, or a deadline), and makes room for the next."""
SETTLE = timedelta(seconds=1)
"""How long one waits, when others are at it, for what comes with it: a storm begins with many at once."""
LOOK_AGAIN_SECONDS = 2.0
WORTH_TELLING = timedelta(seconds=2)
"""Shorter waits are not worth a write."""
WAITS = "waits for its turn: other Incidents are being diagnosed, critical ones first"
_BUSY = frozenset({Phase.DIAGNOSING, Phase.PLANNING, Phase.VOTING})
_GONE = timedelta(seconds=10)
"""Who has not asked again for so long was deleted, or waits for something else."""
_ORDER = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}

_Place = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class _Waiting:
    place: _Place
    since: datetime
    asked: datetime
    """When it asked last."""


class Turns:
    """Remembers who is at it and who waits. Kept in memory: every open Incident is looked at again after a restart,
    and one too many at a time harms nobody.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._storm: datetime | None = None
        """When a storm's Incident was last seen before its end."""
        self._begun: datetime | None = None
        """When the last one began."""
        self._busy: dict[str, datetime] = {}
        self._waiting: dict[str, _Waiting] = {}

    def saw(self, incident: Incident, now: datetime) -> None:
        """Whatever its phase is now."""
        if incident.spec.storm and not incident.status.phase.terminal:
            self._storm = now
        uid, begun = incident.metadata.uid, incident.status.started_at
        if incident.status.phase is Phase.PENDING:
            return
        self._waiting.pop(uid, None)
        if incident.status.phase in _BUSY and begun is not None:
            self._busy.setdefault(uid, begun)
        else:
            self._busy.pop(uid, None)
        self._forget(now)

    def take(self, incident: Incident, now: datetime) -> float:
        """0 when a Pending one may begin, which then has a place; else the seconds after which to ask again."""
        uid = incident.metadata.uid
        self._forget(now)
        if uid in self._busy:
            return 0.0
        since = self._waiting[uid].since if uid in self._waiting else now
        mine = self._waiting[uid] = _Waiting(_place(incident), since, now)
        if self._busy and now - since < SETTLE:
            return (SETTLE - (now - since)).total_seconds()
        ahead = sum(other.place < mine.place for other in self._waiting.values())
        if ahead >= self._free(now):
            return LOOK_AGAIN_SECONDS
        del self._waiting[uid]
        self._busy[uid] = self._begun = now
        return 0.0

    def give_back(self, incident: Incident) -> None:
        """It did not begin after all."""
        self._busy.pop(incident.metadata.uid, None)

    def _free(self, now: datetime) -> int:
        """How many may begin now."""
        free = self._at_once - len(self._busy)
        if self._storm is None or now - self._storm >= STORM:
            return free
        return min(free, 1) if self._begun is None or now - self._begun >= STORM_PAUSE else 0

    def _forget(self, now: datetime) -> None:
        self._busy = {uid: since for uid, since in self._busy.items() if now - since < TURN}
        self._waiting = {uid: found for uid, found in self._waiting.items() if now - found.asked < _GONE}


def wait_for_turn(view: View) -> Transition:
    """Stay Pending, and say so once; what waits for its root says that."""
    incident, draft = view.incident, Draft(view.incident, view.now)
    created = incident.metadata.creation_timestamp
    told = incident.status.message == WAITS or incident.status.cascade is not None
    if not told and created is not None and view.now - created >= WORTH_TELLING:
        draft.set(message=WAITS)
        draft.condition(ConditionType.RESOLVED, False, Reason.QUEUED, WAITS)
    return draft.done(view.waits_seconds)


def _place(incident: Incident) -> _Place:
    created = incident.metadata.creation_timestamp
    return _ORDER[incident.spec.severity], created.isoformat() if created is not None else "", incident.metadata.uid
