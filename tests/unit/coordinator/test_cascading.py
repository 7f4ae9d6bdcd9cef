"""An Incident that is the effect of another one waits for it, says why, and goes on by itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from incident_commander.api.conditions import ConditionType
from incident_commander.api.incident import Alert, AlertStatus, Cascade, Incident, IncidentSpec, IncidentStatus, Phase
from incident_commander.api.kinds import DEPLOYMENT, INCIDENT
from incident_commander.api.meta import ObjectMeta, TargetRef
from incident_commander.coordinator.cascading import LONGEST_WAIT, Topologies, read_effect
from incident_commander.errors import Unavailable
from incident_commander.intake.cascade import Effect
from incident_commander.ports import Object
from incident_commander.rehearsal.clock import VirtualClock
from tests.unit.coordinator.board import NOW, Board
from tests.unit.evidence.fakes import FakeCluster
from tests.unit.evidence.test_dependencies import pod, service, workload

OBJECTS = (workload("web", ("DB_HOST", "db")), workload("db"), pod("web"), pod("db"), service("db"))


def incident(name: str, *, phase: Phase = Phase.DIAGNOSING, firing: bool = True, **spec: Any) -> Incident:
    ref = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name=name)
    status = AlertStatus.FIRING if firing else AlertStatus.RESOLVED
    alert = Alert(fingerprint=name, status=status, labels={"alertname": "HighErrorRate"}, starts_at=NOW)
    return Incident(
        metadata=ObjectMeta(name=f"{name}-1", namespace="shop", uid=f"u-{name}"),
        spec=IncidentSpec(target_ref=ref, alerts=[alert], **spec),
        status=IncidentStatus(phase=phase),
    )


def stored(one: Incident) -> Object:
    return {**one.model_dump(mode="json", by_alias=True, exclude_none=True), "kind": "Incident"}


async def effect(*others: Incident, **cluster: Any) -> Effect | None:
    fake = FakeCluster(*OBJECTS, *(stored(other) for other in others), **cluster)
    topologies = Topologies(fake, VirtualClock(NOW))
    return await read_effect(fake, topologies, incident("web", phase=Phase.PENDING), "incident-commander")


async def test_the_effect_is_found_among_what_the_api_server_has() -> None:
    found = await effect(incident("db"))
    assert found is not None
    assert found.root.key == "shop/db-1"
    assert "its environment (DB_HOST) names the Service db" in found.words()


async def test_what_has_ended_resolved_or_stands_for_a_storm_is_no_root() -> None:
    assert await effect(incident("db", phase=Phase.ESCALATED)) is None
    assert await effect(incident("db", phase=Phase.RESOLVED)) is None
    assert await effect(incident("db", firing=False)) is None
    assert await effect(incident("db", storm=True)) is None


async def test_where_something_cannot_be_read_nothing_waits() -> None:
    assert await effect(incident("db"), refuse={DEPLOYMENT: Unavailable("no")}) is None
    assert await effect(incident("db"), refuse={INCIDENT: Unavailable("no")}) is None


async def test_alone_it_costs_two_lists_of_incidents_and_no_more() -> None:
    fake = FakeCluster(*OBJECTS)
    assert await read_effect(fake, Topologies(fake, VirtualClock(NOW)), incident("web"), "incident-commander") is None
    assert len(fake.calls) == 2


async def test_those_that_come_together_share_what_is_read_of_their_namespace() -> None:
    fake, clock = FakeCluster(*OBJECTS, stored(incident("db"))), VirtualClock(NOW)
    topologies = Topologies(fake, clock)

    async def lists() -> int:
        before = len(fake.calls)
        found = (read_effect(fake, topologies, incident("web"), "incident-commander") for _ in range(3))
        assert None not in await asyncio.gather(*found)
        return len(fake.calls) - before

    incidents_only = 3 * 2
    assert await lists() > incidents_only
    assert await lists() == incidents_only
    clock.advance(5)
    assert await lists() > incidents_only


async def test_it_stays_pending_says_why_and_is_diagnosed_once_its_root_has_ended() -> None:
    found = await effect(incident("db"))
    board = Board()
    transition = board.step(effect=found)
    assert board.status.phase == Phase.PENDING.value
    assert board.status.cascade is not None
    assert board.status.cascade.incident == "shop/db-1"
    assert "names the Service db" in board.status.cascade.message
    assert board.status.timeline[-1].message == board.status.cascade.message
    assert [a.reason.value for a in transition.announcements] == ["EffectOfAnother"]
    assert transition.requeue_seconds == 15.0
    condition = next(c for c in board.status.conditions if c.type == ConditionType.RESOLVED)
    assert condition.reason == "EffectOfAnother"

    before = board.status
    board.step(effect=found, now=NOW + timedelta(seconds=15))
    assert board.status == before, "waiting costs no write"

    board.step(effect=None, now=NOW + timedelta(seconds=30))
    assert board.status.phase == Phase.DIAGNOSING.value
    assert any("no longer waits for Incident shop/db-1" in entry.message for entry in board.status.timeline)


async def test_it_does_not_wait_for_ever() -> None:
    found = await effect(incident("db"))
    board = Board()
    board.step(effect=found)
    assert board.status.phase == Phase.PENDING.value
    board.step(effect=found, now=NOW + LONGEST_WAIT)
    assert board.status.phase == Phase.DIAGNOSING.value
    assert any("it waited long enough" in entry.message for entry in board.status.timeline)


async def test_another_root_is_told_and_the_wait_goes_on() -> None:
    found = await effect(incident("db"))
    board = Board(status=IncidentStatus(cascade=Cascade(incident="shop/cache-1", since=NOW - timedelta(minutes=5))))
    board.step(effect=found)
    assert board.status.cascade is not None
    assert board.status.cascade.incident == "shop/db-1"
    assert board.status.cascade.since == NOW - timedelta(minutes=5)
