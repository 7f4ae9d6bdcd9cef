"""How many Incidents are diagnosed at a time, and which come first.

Six agents gather evidence for each. Begun all at once, a storm's Incidents would take API server and processors from
each other and from the gateway, and all would be late; a few at a time, the most severe is done while others wait.
"""

from __future__ import annotations

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
LOOK_AGAIN_SECONDS = 2.0
WORTH_TELLING = timedelta(seconds=2)
"""Shorter waits are not worth a write."""
WAITS = "waits for its turn: other Incidents are being diagnosed, critical ones first"
_BUSY = frozenset({Phase.DIAGNOSING, Phase.PLANNING, Phase.VOTING})
_GONE = timedelta(seconds=10)
"""Who has not asked again for so long was deleted, or waits for something else."""
_ORDER = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}

_Place = tuple[int, str, str]


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
        self._waiting: dict[str, tuple[_Place, datetime]] = {}

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

    def take(self, incident: Incident, now: datetime) -> bool:
        """Whether a Pending one may begin; if so, it has a place from now on."""
        uid = incident.metadata.uid
        self._forget(now)
        if uid in self._busy:
            return True
        mine = _place(incident)
        ahead = sum(place < mine for other, (place, _) in self._waiting.items() if other != uid)
        if ahead >= self._free(now):
            self._waiting[uid] = (mine, now)
            return False
        self._waiting.pop(uid, None)
        self._busy[uid] = self._begun = now
        return True

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
        self._waiting = {uid: found for uid, found in self._waiting.items() if now - found[1] < _GONE}


def wait_for_turn(view: View) -> Transition:
    """Stay Pending, and say so once; what waits for its root says that."""
    incident, draft = view.incident, Draft(view.incident, view.now)
    created = incident.metadata.creation_timestamp
    told = incident.status.message == WAITS or incident.status.cascade is not None
    if not told and created is not None and view.now - created >= WORTH_TELLING:
        draft.set(message=WAITS)
        draft.condition(ConditionType.RESOLVED, False, Reason.QUEUED, WAITS)
    return draft.done(LOOK_AGAIN_SECONDS)


def _place(incident: Incident) -> _Place:
    created = incident.metadata.creation_timestamp
    return _ORDER[incident.spec.severity], created.isoformat() if created is not None else "", incident.metadata.uid
