"""What becomes of alerts, given the Incidents that are stored: join, update, count, create, or nothing at all."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.intake.draft import Draft, incident_of, patch_of
from incident_commander.intake.fingerprint import firing_key
from incident_commander.intake.known import Known, home_of
from incident_commander.intake.lane import Lane
from incident_commander.intake.naming import STORM_PREFIX, incident_names
from incident_commander.intake.severity import highest, severity_of
from incident_commander.intake.skew import sent_start
from incident_commander.ports import Object

_AFTERMATH = timedelta(minutes=5)
"""How long after its end an Incident whose cause is known explains a further alert of its target.

Alerts of one trouble fire one after the other, as long as their ``for`` says.
"""


class Fate(enum.StrEnum):
    """What became of one alert."""

    CREATED = "Created"
    """Recorded in an Incident that was created for it."""
    JOINED = "Joined"
    """Recorded in an Incident that was stored already."""
    UPDATED = "Updated"
    """A recorded alert fires again."""
    RESOLVED = "Resolved"
    """A recorded alert is marked as over."""
    COUNTED = "Counted"
    """The Incident's list is full: counted in ``spec.omittedAlerts``."""
    UNCHANGED = "Unchanged"
    """Recorded or counted before; nothing was written."""
    ALREADY_OVER = "AlreadyOver"
    """Told as resolved, and no Incident knew of it: nothing to do."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An alert and the key of the group that it came in."""

    alert: Alert
    group_key: str


@dataclass(slots=True)
class Create:
    """An Incident to be created."""

    name: str
    body: Object
    fates: dict[int, Fate]


@dataclass(slots=True)
class Patch:
    """A change of a stored Incident."""

    known: Known
    operations: list[dict[str, Any]]
    fates: dict[int, Fate]


@dataclass(slots=True)
class Decision:
    """``settled`` needs no write; each write settles its ``fates`` once it is stored. Keys are places in the batch."""

    settled: dict[int, tuple[Fate, str]] = field(default_factory=dict)
    """Fate and the Incident's ``namespace/name`` (empty for none)."""
    patches: list[Patch] = field(default_factory=list)
    create: Create | None = None
    joins: bool = False
    """Whether alerts that were not known before are written into an Incident that is stored already."""


def decide(
    lane: Lane,
    knowns: Sequence[Known],
    arrivals: Mapping[int, Arrival],
    truncated: Mapping[str, int],
    *,
    take_new: bool = True,
) -> Decision:
    """What to write for these arrivals of one lane, so that each is recorded or counted exactly once.

    ``knowns``: Incidents of the lane and storms of its namespace, open and ended. ``truncated``: by group key, how
    many alerts Alertmanager left out. ``take_new`` False: only alerts that are known already are decided about; the
    others appear nowhere in the decision.

    New alerts join the open Incident. One that has ended takes only the same alert again (same fingerprint and
    ``startsAt``: a repeat or its resolution), and, while people have it (``Known.handed_over``), another alert of the
    same trouble, or one of its own that had resolved: it ended with a known cause, the alert began at most five
    minutes after the end, and is not more severe than the Incident, whose severity stays. Whatever else fires is a new
    Incident, to be diagnosed. A storm that goes on after its Incident has ended, which takes no diagnosis, so opens one
    Incident in five minutes.
    """
    stored = [Draft.of(known, lane) for known in knowns]
    home = home_of(knowns, lane.hash)
    fresh = Draft.of(None, lane)
    counting = next((draft for draft in stored if draft.base is home and home is not None), fresh)
    into = counting if home is not None and home.open else fresh
    drafts = [into, *(draft for draft in stored if draft is not into)]
    ended = [draft for draft in stored if draft is not into and _people_have(draft.base, lane)]
    if not take_new:
        arrivals = {place: arrival for place, arrival in arrivals.items() if _is_known(arrival.alert, drafts)}
        truncated = {}
    for group_key, count in truncated.items():
        if not any(_counts_truncated(draft, group_key, count) for draft in drafts):
            counting.count_truncated(group_key, count)
    fates = {place: _place(arrival.alert, into, drafts, ended) for place, arrival in arrivals.items()}
    if into.changed:
        # What was over before anything fired here is kept beside it, in whatever order they came.
        over = [place for place, (fate, _) in fates.items() if fate is Fate.ALREADY_OVER]
        fates |= {place: _place(arrivals[place].alert, into, drafts, ended) for place in over}
    decision = Decision()
    for draft in drafts:
        mine = {place: fate for place, (fate, of) in fates.items() if of is draft}
        if draft.base is None:
            if draft.changed:
                decision.create = _create(lane, knowns, arrivals, truncated, draft, mine)
        elif draft.changed:
            decision.patches.append(Patch(draft.base, patch_of(draft, draft.base), mine))
            decision.joins |= bool(draft.added) or draft.omitted != draft.base.omitted
        else:
            decision.settled.update({place: (fate, draft.base.key) for place, fate in mine.items()})
    decision.settled.update({place: (fate, "") for place, (fate, of) in fates.items() if of is None})
    return decision


def _is_known(alert: Alert, drafts: Sequence[Draft]) -> bool:
    """Whether it is recorded or counted already, or was recorded in the open Incident under an earlier start."""
    key = _key(alert, drafts)
    for place, draft in enumerate(drafts):
        state = draft.state_of(alert.fingerprint)
        if draft.omitted.holds(key) or (state is not None and (place == 0 or state.starts_at == sent_start(alert))):
            return True
    return False


def _people_have(known: Known | None, lane: Lane) -> bool:
    return known is not None and known.handed_over and known.lane == lane.hash


def _same_trouble(alert: Alert, known: Known) -> bool:
    """Whether the ended Incident explains this other alert of its target."""
    if known.explained_until is None or alert.starts_at - known.explained_until > _AFTERMATH:
        return False
    return highest((known.severity, severity_of(alert.labels))) is known.severity


def _place_in_ended(alert: Alert, draft: Draft, known: Known) -> Fate | None:
    """What an ended Incident that people have makes of an alert that it does not hold as it is; None: nothing."""
    firing = alert.status is AlertStatus.FIRING
    state = draft.state_of(alert.fingerprint)
    if state is not None and sent_start(alert) < state.starts_at:
        return Fate.UNCHANGED
    if state is not None and state.firing and not firing:
        # Its entry keeps its start: what begins later is not what was diagnosed.
        draft.resolve(alert.model_copy(update={"starts_at": state.starts_at}))
        return Fate.RESOLVED
    if not firing or not _same_trouble(alert, known):
        return None
    if state is None:
        return Fate.JOINED if draft.record(alert) else Fate.COUNTED
    if not state.firing:
        draft.update(alert)  # it was over for as long as the fix was tried
        return Fate.UPDATED
    return None


def _place(alert: Alert, into: Draft, drafts: Sequence[Draft], ended: Sequence[Draft]) -> tuple[Fate, Draft | None]:
    """Put the alert into a draft. ``drafts`` begins with ``into``, which new alerts join; people have ``ended``."""
    if (again := _place_again(alert, drafts)) is not None:
        return again
    firing = alert.status is AlertStatus.FIRING
    recorded = into.state_of(alert.fingerprint)
    if recorded is not None:
        if sent_start(alert) < recorded.starts_at:
            return Fate.UNCHANGED, into
        into.update(alert)
        return (Fate.UPDATED if firing else Fate.RESOLVED), into
    if into.base is None:
        for draft in ended:
            if draft.base is not None and (fate := _place_in_ended(alert, draft, draft.base)) is not None:
                return fate, draft
        if not firing and not into.changed:
            return Fate.ALREADY_OVER, None
    if into.record(alert):
        return (Fate.CREATED if into.base is None else Fate.JOINED), into
    return Fate.COUNTED, into


def _place_again(alert: Alert, drafts: Sequence[Draft]) -> tuple[Fate, Draft] | None:
    """What becomes of an alert that was told before with the same start; None for one that was not."""
    firing = alert.status is AlertStatus.FIRING
    key = _key(alert, drafts)
    for draft in drafts:
        state = draft.state_of(alert.fingerprint)
        if state is not None and state.starts_at == sent_start(alert):
            if state.firing == firing:
                return Fate.UNCHANGED, draft
            if not firing:
                draft.resolve(alert)
                return Fate.RESOLVED, draft
            if draft.base is None or draft.base.open or draft.base.handed_over:
                draft.update(alert)
                return Fate.UPDATED, draft
        elif draft.omitted.holds(key):
            return Fate.UNCHANGED, draft
    return None


def _key(alert: Alert, drafts: Sequence[Draft]) -> bytes:
    """What the alert is counted under; empty where nothing is counted yet."""
    counting = any(draft.omitted.firings for draft in drafts)
    return firing_key(alert.fingerprint, sent_start(alert)) if counting else b""


def _counts_truncated(draft: Draft, group_key: str, count: int) -> bool:
    return draft.omitted.with_truncated(group_key, count) is draft.omitted


def _create(
    lane: Lane,
    knowns: Sequence[Known],
    arrivals: Mapping[int, Arrival],
    truncated: Mapping[str, int],
    draft: Draft,
    fates: dict[int, Fate],
) -> Create:
    """The Incident is named after its first firing alert; after its first where only truncated ones may be firing."""
    firing = [a for p, a in arrivals.items() if p in fates and a.alert.status is AlertStatus.FIRING]
    candidates = firing or list(arrivals.values())
    lead = min(candidates, key=lambda arrival: (sent_start(arrival.alert), arrival.alert.fingerprint))
    taken = {known.name for known in knowns}
    prefix = STORM_PREFIX if lane.storm else lead.alert.name
    names = incident_names(prefix, lane.hash, lead.group_key, sent_start(lead.alert), lead.alert.fingerprint)
    name = next(name for name in names if name not in taken)
    group_key = lead.group_key or next(iter(truncated), "")
    return Create(name, incident_of(draft, lane, name, group_key), fates)
