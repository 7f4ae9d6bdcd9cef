"""Evidence is gathered once for all who ask at the same time, and not kept for long."""

from __future__ import annotations

import asyncio

import pytest

from incident_agents.evidence_source import EvidenceSource
from incident_commander.api import kinds
from incident_commander.api.incident import Incident
from incident_commander.api.meta import ObjectMeta
from incident_commander.errors import Forbidden, Unavailable
from incident_commander.evidence.scope import FULL, Scope
from incident_commander.rehearsal.world import World
from tests.unit.agents.board import an_incident

PODS = Scope((kinds.POD,), logs=False, metrics=False)
NODES = Scope((kinds.NODE,), logs=False, metrics=False)


class Bench:
    def __init__(self) -> None:
        self.world = World(seed=1)
        self.world.add_namespace("shop")
        self.source = EvidenceSource(self.world.cluster("watcher"), None, self.world.clock)

    def reads(self) -> int:
        return sum(entry.call.user == "watcher" for entry in self.world.audit.entries)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_who_asks_at_the_same_time_gets_the_same_evidence(bench: Bench) -> None:
    one, two = await asyncio.gather(bench.source.evidence(an_incident()), bench.source.evidence(an_incident()))
    assert one is two


async def test_full_evidence_answers_for_less(bench: Bench) -> None:
    full = await bench.source.evidence(an_incident(), FULL)
    assert await bench.source.evidence(an_incident(), PODS) is full


async def test_less_does_not_answer_for_more(bench: Bench) -> None:
    await bench.source.evidence(an_incident(), PODS)
    assert (await bench.source.evidence(an_incident(), NODES)).asked(kinds.NODE)


async def test_after_two_seconds_it_is_read_anew(bench: Bench) -> None:
    first = await bench.source.evidence(an_incident(), PODS)
    before = bench.reads()
    bench.world.clock.advance(2.1)
    assert await bench.source.evidence(an_incident(), PODS) is not first
    assert bench.reads() > before


async def test_each_incident_has_its_own(bench: Bench) -> None:
    other = Incident(metadata=ObjectMeta(name="x", namespace="shop", uid="another"))
    assert await bench.source.evidence(an_incident(), PODS) is not await bench.source.evidence(other, PODS)


async def test_what_the_api_server_does_not_answer_is_not_judged_without(bench: Bench) -> None:
    bench.world.faults.inject(lambda: Unavailable("restarting"), resource="replicasets.apps")
    with pytest.raises(Unavailable, match="replicasets"):
        await bench.source.evidence(an_incident())
    found = await bench.source.evidence(an_incident())
    assert found.asked(kinds.REPLICA_SET)
    assert not found.unanswered


async def test_what_stays_without_an_answer_is_a_gap_after_a_while_for_all_incidents(bench: Bench) -> None:
    bench.world.faults.inject(lambda: Unavailable("down"), resource="replicasets.apps", times=None)
    with pytest.raises(Unavailable):
        await bench.source.evidence(an_incident())
    bench.world.clock.advance(21)
    found = await bench.source.evidence(an_incident())
    assert not found.asked(kinds.REPLICA_SET)
    assert any("down" in gap for gap in found.gaps)
    other = Incident(metadata=ObjectMeta(name="x", namespace="shop", uid="another"))
    assert not (await bench.source.evidence(other)).asked(kinds.REPLICA_SET)
    bench.world.clock.advance(120)
    with pytest.raises(Unavailable):
        await bench.source.evidence(an_incident())


async def test_events_of_nodes_that_stay_without_an_answer_do_not_hold_up_a_diagnosis(bench: Bench) -> None:
    strike = bench.world.faults.inject(lambda: Unavailable("down"), resource="events", times=None)
    strike.matches = lambda call: call.resource == "events" and call.namespace != "shop"
    with pytest.raises(Unavailable):
        await bench.source.evidence(an_incident())
    bench.world.clock.advance(21)
    assert (await bench.source.evidence(an_incident())).asked(kinds.EVENT)


async def test_what_is_forbidden_is_a_gap_at_once(bench: Bench) -> None:
    bench.world.faults.inject(lambda: Forbidden("no rights"), resource="replicasets.apps", times=None)
    assert any("no rights" in gap for gap in (await bench.source.evidence(an_incident())).gaps)


async def test_without_a_prometheus_metrics_are_a_gap(bench: Bench) -> None:
    found = await bench.source.evidence(an_incident())
    assert any("no Prometheus" in gap for gap in found.gaps)
