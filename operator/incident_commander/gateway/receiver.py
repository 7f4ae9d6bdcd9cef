"""From a notification to stored alerts: where each belongs, who may put it there, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from incident_commander import errors
from incident_commander.api.incident import Alert
from incident_commander.gateway import logbook
from incident_commander.gateway.commit import Committer, Settled
from incident_commander.gateway.lanes import Lanes
from incident_commander.gateway.metrics import GatewayMetrics
from incident_commander.gateway.refusal import HttpRefusal
from incident_commander.gateway.reviewer import Reviewer, User
from incident_commander.gateway.settings import GatewaySettings
from incident_commander.gateway.targets import TargetFinder
from incident_commander.intake.correlate import Arrival
from incident_commander.intake.lane import Lane
from incident_commander.intake.payload import Notification
from incident_commander.intake.skew import skewed_fields
from incident_commander.intake.storm import StormControl
from incident_commander.intake.target import Candidates, candidates
from incident_commander.ports import Clock, Cluster

_LOOKUPS_AT_A_TIME = 32


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of each alert of a notification, in its order."""

    alerts: Sequence[tuple[Alert, Settled]]
    truncated: int


@dataclass(slots=True)
class _Share:
    """What one lane gets of a notification; ``places`` are places in it."""

    places: list[int] = field(default_factory=list)
    truncated: dict[str, int] = field(default_factory=dict)


class Receiver:
    """The gateway without HTTP. Returns from ``receive`` only when every alert is stored."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        settings: GatewaySettings,
        metrics: GatewayMetrics,
        reviewer: Reviewer | None = None,
    ) -> None:
        storms = StormControl(settings.storm)
        metrics.storms.set_function(lambda: storms.count(clock.now()))
        slots = asyncio.Semaphore(settings.api_concurrency)
        self._reviewer = reviewer
        self._metrics = metrics
        self._targets = TargetFinder(cluster, clock, storms, slots, settings)
        committer = Committer(cluster, clock, storms, slots, metrics, self._targets.present)
        self._lanes = Lanes(committer.commit, clock, metrics)

    async def receive(self, notification: Notification, user: User | None = None) -> Receipt:
        """Store a notification.

        Raises ``HttpRefusal`` (403, nothing stored) when the user may not create Incidents where one of the alerts
        belongs, and a ``ClusterError`` when some could not be stored; sending all of it again is then right, and
        changes nothing for those that were.
        """
        arrivals = [Arrival(alert, notification.group_key) for alert in notification.alerts]
        named = [candidates(alert.labels) for alert in notification.alerts]
        await self._check(user, await self._homes(named))
        truncated = {notification.group_key: notification.truncated} if notification.truncated else {}
        shares = await self._shares(arrivals, named, truncated)
        await self._check(user, {lane.namespace for lane in shares})
        settled = await self._store(arrivals, named, shares)
        done = settled.values()
        for one in done:
            self._metrics.alerts.labels(one.fate.value).inc()
        logbook.received(notification.alerts, [one.fate for one in done], [one.incident for one in done])
        self._metrics.truncated.inc(notification.truncated)
        for field_ in (name for alert in notification.alerts for name in skewed_fields(alert)):
            self._metrics.skewed.labels(field_).inc()
        return Receipt([(a.alert, settled[place]) for place, a in enumerate(arrivals)], notification.truncated)

    async def _homes(self, named: Sequence[Candidates]) -> set[str]:
        different = {(one.namespace, bool(one.refs)): one for one in named}
        return {await self._targets.home(one) for one in different.values()}

    async def _check(self, user: User | None, namespaces: set[str]) -> None:
        if user is None or self._reviewer is None:
            return
        for namespace in sorted(namespaces):
            if not await self._reviewer.may_create(user, namespace):
                raise HttpRefusal(
                    403,
                    f"{user.name} may not create incidents.incidentcommander.io in namespace {namespace}; bind it to "
                    "a Role that allows this. None of these alerts was stored",
                )

    async def _shares(
        self, arrivals: Sequence[Arrival], named: Sequence[Candidates], truncated: Mapping[str, int]
    ) -> dict[Lane, _Share]:
        """By lane. What Alertmanager left out is counted where the first alert belongs."""
        lanes = await self._lanes_of(arrivals, named)
        shares: dict[Lane, _Share] = {}
        for place, lane in enumerate(lanes):
            shares.setdefault(lane, _Share()).places.append(place)
        if lanes:
            shares[lanes[0]].truncated.update(truncated)
        return shares

    async def _lanes_of(self, arrivals: Sequence[Arrival], named: Sequence[Candidates]) -> list[Lane]:
        """In order, some at a time: of the same target only the first has to be looked for."""
        lanes: list[Lane] = []
        for start in range(0, len(arrivals), _LOOKUPS_AT_A_TIME):
            places = range(start, min(start + _LOOKUPS_AT_A_TIME, len(arrivals)))
            known = {place: self._targets.known_lane(named[place]) for place in places}
            missing = [place for place in places if known[place] is None]
            looks = (self._targets.lane(named[place], arrivals[place].alert.labels) for place in missing)
            found = dict(zip(missing, await asyncio.gather(*looks), strict=True)) if missing else {}
            lanes += [known[place] or found[place] for place in places]
        return lanes

    async def _store(
        self, arrivals: Sequence[Arrival], named: Sequence[Candidates], shares: Mapping[Lane, _Share]
    ) -> dict[int, Settled]:
        settled: dict[int, Settled] = {}
        for lane, share, outcome in await self._submit(arrivals, shares):
            if isinstance(outcome, (errors.NotFound, errors.Forbidden)):
                outcome = await self._elsewhere(arrivals, named, lane, share, outcome)
            if isinstance(outcome, BaseException):
                raise outcome
            settled.update(zip(share.places, outcome, strict=True))
        return settled

    async def _elsewhere(
        self,
        arrivals: Sequence[Arrival],
        named: Sequence[Candidates],
        lane: Lane,
        share: _Share,
        refusal: errors.ClusterError,
    ) -> list[Settled]:
        """The namespace is gone, or going: then this belongs to the operator's. Else the right is missing."""
        self._targets.forget_namespace(lane.namespace)
        mine = [arrivals[place] for place in share.places]
        shares = await self._shares(mine, [named[place] for place in share.places], share.truncated)
        if lane in shares:
            raise refusal
        settled: dict[int, Settled] = {}
        for _, part, outcome in await self._submit(mine, shares):
            if isinstance(outcome, BaseException):
                raise outcome
            settled.update(zip(part.places, outcome, strict=True))
        return [settled[place] for place in range(len(mine))]

    async def _submit(
        self, arrivals: Sequence[Arrival], shares: Mapping[Lane, _Share]
    ) -> list[tuple[Lane, _Share, list[Settled] | BaseException]]:
        outcomes = await asyncio.gather(
            *(
                self._lanes.submit(lane, [arrivals[place] for place in share.places], share.truncated)
                for lane, share in shares.items()
            ),
            return_exceptions=True,
        )
        return [(*one, outcome) for one, outcome in zip(shares.items(), outcomes, strict=True)]
