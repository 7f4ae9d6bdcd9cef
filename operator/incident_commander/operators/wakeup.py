"""Which changes of an Incident concern whom. Pure.

Every agent sees every change of every Incident, and most of them are other agents' words. A component is only
woken when the part of the Incident changed that it decides on; the queue's timers and the periodic look cover
what time alone brings.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Any

from incident_commander.api.incident import Phase
from incident_commander.api.names import GROUP, statement_annotation, vote_annotation
from incident_commander.intake.omitted import ANNOTATION_OMITTED

Interest = Callable[[Mapping[str, Any]], object]
"""The part of an Incident (as JSON) that a component decides on; None: nothing to do for it now."""

_REMEMBERED = 20_000


def coordinator_interest(body: Mapping[str, Any]) -> object:
    """Spec, what agents wrote, and what the executor wrote; its own writes bring their own requeue.

    Of the alerts only whether all are over: in a storm they change several times a second.
    """
    status = body.get("status") or {}
    phase = status.get("phase")
    if _terminal(phase) and not (body.get("spec") or {}).get("undo"):
        return None
    spec = {key: value for key, value in (body.get("spec") or {}).items() if key not in ("alerts", "omittedAlerts")}
    said = {key: value for key, value in _annotations(body, "").items() if key != ANNOTATION_OMITTED}
    return [spec, _over(body), said, status.get("execution"), phase, _deleted(body)]


def executor_interest(body: Mapping[str, Any]) -> object:
    """The phase, the round that it rests on, and its own journal."""
    status = body.get("status") or {}
    phase = status.get("phase")
    attempts = (status.get("execution") or {}).get("attempts")
    if phase not in (Phase.EXECUTING, Phase.ROLLING_BACK) and not (_terminal(phase) and attempts):
        return None
    consensus = status.get("consensus") or {}
    return [phase, consensus.get("round"), consensus.get("planDigest"), attempts, (body.get("spec") or {}).get("undo")]


def agent_interest(agent: str, role: str, speaks_in: Collection[Phase]) -> Interest:
    """What an agent decides on: the round, and whether it has spoken; resolution also hears the diagnosis.

    One more alert of a name that fires already is no reason to gather evidence anew.
    """
    own = (statement_annotation(agent), vote_annotation(agent))

    def interest(body: Mapping[str, Any]) -> object:
        status = body.get("status") or {}
        phase = status.get("phase")
        if phase != Phase.VOTING and phase not in speaks_in:
            return None
        consensus = status.get("consensus") or {}
        hears = role == "resolution" and phase == Phase.DIAGNOSING
        written = _annotations(body, "-statement") if hears else {}
        annotations = (body.get("metadata") or {}).get("annotations") or {}
        voting = [consensus.get("round"), consensus.get("planDigest")] if phase == Phase.VOTING else []
        spoken = [key in annotations for key in own]
        return [phase, status.get("planningSerial"), voting, spoken, written, _kinds_of_alerts(body)]

    return interest


class Memory:
    """What each Incident looked like to one component when it was last woken. Forgets the longest unseen."""

    def __init__(self, interest: Interest, remembered: int = _REMEMBERED) -> None:
        self._interest = interest
        self._limit = remembered
        self._seen: OrderedDict[str, str] = OrderedDict()

    def concerned(self, body: Mapping[str, Any]) -> bool:
        """Whether there is anything to do for the component, as far as can be seen."""
        return self._interest(body) is not None

    def news(self, body: Mapping[str, Any]) -> bool:
        """Whether the component should look at this Incident; remembers that it was told."""
        uid = str((body.get("metadata") or {}).get("uid"))
        found = self._interest(body)
        if found is None:
            self._seen.pop(uid, None)
            return False
        mark = hashlib.sha1(json.dumps(found, sort_keys=True, default=str).encode(), usedforsecurity=False).hexdigest()
        known = self._seen.pop(uid, None)
        self._seen[uid] = mark
        while len(self._seen) > self._limit:
            self._seen.popitem(last=False)
        return known != mark


def _annotations(body: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    found = (body.get("metadata") or {}).get("annotations") or {}
    return {key: value for key, value in found.items() if key.startswith(f"{GROUP}/") and key.endswith(suffix)}


def _alerts(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return (body.get("spec") or {}).get("alerts") or []


def _over(body: Mapping[str, Any]) -> bool:
    alerts = _alerts(body)
    return bool(alerts) and all(alert.get("status") == "resolved" for alert in alerts)


def _kinds_of_alerts(body: Mapping[str, Any]) -> list[list[str]]:
    found = {((a.get("labels") or {}).get("alertname", ""), a.get("status", "")) for a in _alerts(body)}
    return [list(one) for one in sorted(found)]


def _deleted(body: Mapping[str, Any]) -> bool:
    return bool((body.get("metadata") or {}).get("deletionTimestamp"))


def _terminal(phase: object) -> bool:
    return phase in (Phase.RESOLVED, Phase.ESCALATED, Phase.CLOSED)
