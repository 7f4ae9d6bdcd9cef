"""A few Incidents are diagnosed at a time, critical ones first, and none is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.conditions import ConditionType, find_condition
from incident_commander.api.incident import Incident, IncidentSpec, IncidentStatus, Phase
from incident_commander.api.kinds import INCIDENT
from incident_commander.api.meta import ObjectMeta
from incident_commander.api.statement import Severity
from incident_commander.coordinator.reconciler import Coordinator
from incident_commander.coordinator.turns import SETTLE, STORM, STORM_PAUSE, TURN, WAITS, WORTH_TELLING, Turns
from incident_commander.coordinator.view import CoordinatorSettings
from incident_commander.rehearsal.identities import service_account
from incident_commander.rehearsal.world import World
from tests.unit.coordinator.board import NOW, Board

AT_ONCE = 3


def an_incident(number: int, severity: Severity = Severity.WARNING, phase: Phase = Phase.PENDING) -> Incident:
    return Incident(
        metadata=ObjectMeta(name=f"i{number}", namespace="shop", uid=f"u{number:03}", creation_timestamp=NOW),
        spec=IncidentSpec(severity=severity),
        status=IncidentStatus(phase=phase, started_at=NOW if phase is not Phase.PENDING else None),
    )


def ask(turns: Turns, incidents: Sequence[Incident], seconds: float = 0) -> list[str]:
    """Which of them may begin."""
    now = NOW + timedelta(seconds=seconds)
    return [one.metadata.name for one in incidents if not turns.take(one, now)]


def ask_settled(turns: Turns, incidents: Sequence[Incident], seconds: float = 0) -> list[str]:
    """Which of them may begin, once nothing more came for a moment."""
    at_once = ask(turns, incidents, seconds - SETTLE.total_seconds())
    return at_once + ask(turns, [one for one in incidents if one.metadata.name not in at_once], seconds)


class TestTurns:
    def test_so_many_begin_and_the_next_when_one_is_decided(self) -> None:
        turns, incidents = Turns(AT_ONCE), [an_incident(n) for n in range(5)]
        assert ask_settled(turns, incidents) == ["i0", "i1", "i2"]
        turns.saw(an_incident(1, phase=Phase.EXECUTING), NOW)
        assert ask(turns, incidents[3:], 2) == ["i3"]

    def test_one_alone_begins_at_once_and_what_comes_beside_it_a_moment_later(self) -> None:
        turns = Turns(AT_ONCE)
        assert turns.take(an_incident(0), NOW) == 0
        assert turns.take(an_incident(1), NOW + SETTLE / 4) == SETTLE.total_seconds()
        assert turns.take(an_incident(1), NOW + SETTLE) == pytest.approx(SETTLE.total_seconds() / 4)
        assert turns.take(an_incident(1), NOW + SETTLE * 5 / 4) == 0

    def test_when_a_storm_shows_itself_within_that_moment_only_one_has_begun(self) -> None:
        turns, storm, incidents = Turns(AT_ONCE), an_incident(99), [an_incident(n) for n in range(8)]
        assert ask(turns, incidents) == ["i0"]
        turns.saw(storm.model_copy(update={"spec": storm.spec.model_copy(update={"storm": True})}), NOW)
        assert ask(turns, incidents[1:], SETTLE.total_seconds()) == []

    def test_the_most_severe_of_those_that_wait_comes_next(self) -> None:
        turns = Turns(AT_ONCE)
        ask_settled(turns, [an_incident(n) for n in range(AT_ONCE)])
        waiting = [an_incident(7), an_incident(8, Severity.INFO), an_incident(9, Severity.CRITICAL)]
        assert ask(turns, waiting) == []
        turns.saw(an_incident(0, phase=Phase.RESOLVED), NOW)
        assert ask(turns, waiting, 2) == ["i9"]

    def test_in_a_storm_and_a_minute_after_it_they_begin_one_after_the_other(self) -> None:
        turns, storm = Turns(4), an_incident(99)
        storm = storm.model_copy(update={"spec": storm.spec.model_copy(update={"storm": True})})
        turns.saw(storm, NOW)
        incidents = [an_incident(n) for n in range(8)]
        pause, over = STORM_PAUSE.total_seconds(), STORM.total_seconds()
        assert ask(turns, incidents) == ["i0"]
        assert ask(turns, incidents[1:], pause - 0.1) == []
        assert ask(turns, incidents[1:], pause) == ["i1"]
        assert ask_settled(turns, incidents[2:], over) == ["i2", "i3", "i4", "i5"]

    def test_one_that_takes_long_gives_up_its_place(self) -> None:
        turns = Turns(AT_ONCE)
        ask_settled(turns, [an_incident(n) for n in range(AT_ONCE)])
        assert ask(turns, [an_incident(9)], TURN.total_seconds()) == ["i9"]

    def test_nobody_waits_behind_one_that_asks_no_more(self) -> None:
        turns = Turns(AT_ONCE)
        ask_settled(turns, [an_incident(n) for n in range(AT_ONCE)])
        ask(turns, [*(an_incident(n, Severity.CRITICAL) for n in range(20, 30)), an_incident(9)])
        for number in range(AT_ONCE):
            turns.saw(an_incident(number, phase=Phase.CLOSED), NOW)
        assert ask(turns, [an_incident(9)], 5) == []
        assert ask(turns, [an_incident(9)], 10) == ["i9"]

    def test_one_that_could_not_be_written_keeps_its_place_and_one_that_waits_for_another_does_not(self) -> None:
        turns = Turns(1)
        assert ask(turns, [an_incident(1)]) == ["i1"]
        assert ask(turns, [an_incident(1)], 1) == ["i1"]
        turns.give_back(an_incident(1))
        assert ask(turns, [an_incident(2)], 1) == ["i2"]

    def test_after_a_restart_those_that_are_being_diagnosed_count(self) -> None:
        turns = Turns(AT_ONCE)
        for number in range(AT_ONCE):
            turns.saw(an_incident(number, phase=Phase.VOTING), NOW)
        assert ask(turns, [an_incident(9)]) == []

    @given(st.lists(st.tuples(st.sampled_from(Severity), st.integers(1, 60)), min_size=1, max_size=40))
    def test_whatever_comes_all_have_their_turn_and_never_too_many_at_once(
        self, arrived: list[tuple[Severity, int]]
    ) -> None:
        turns = Turns(AT_ONCE)
        waiting = [an_incident(number, severity) for number, (severity, _) in enumerate(arrived)]
        begun: dict[str, int] = {}
        for second in range(0, 2 + 15 * len(arrived), 2):
            now = NOW + timedelta(seconds=second)
            for one in list(waiting):
                if not turns.take(one, now):
                    waiting.remove(one)
                    begun[one.metadata.name] = second
            ends = {f"i{n}": begun[f"i{n}"] + takes for n, (_, takes) in enumerate(arrived) if f"i{n}" in begun}
            at_it = [name for name, end in ends.items() if second < min(end, begun[name] + TURN.total_seconds())]
            assert len(at_it) <= AT_ONCE
            for number in range(len(arrived)):
                if ends.get(f"i{number}", second + 1) <= second:
                    turns.saw(an_incident(number, phase=Phase.EXECUTING), now)
        assert not waiting


class TestWaiting:
    def test_is_told_once_and_not_where_it_is_short(self) -> None:
        board = Board()
        short = board.step(waits_seconds=2.0, now=NOW)
        assert (short.status, short.requeue_seconds) == (IncidentStatus(), 2.0)
        board.step(waits_seconds=2.0, now=NOW + WORTH_TELLING)
        told = find_condition(board.status.conditions, ConditionType.RESOLVED)
        assert told is not None
        assert (board.status.phase, board.status.message, told.reason) == (Phase.PENDING, WAITS, "WaitsForItsTurn")
        before = board.status
        assert board.step(waits_seconds=2.0, now=NOW + 5 * WORTH_TELLING).status == before
        board.step(now=NOW + 6 * WORTH_TELLING)
        assert (board.status.phase, board.status.message) == (Phase.DIAGNOSING, "gathering evidence")

    async def test_the_coordinator_begins_so_many_and_the_rest_later(self) -> None:
        world = World(seed=1)
        world.add_namespace("shop")
        for number in range(AT_ONCE + 4):
            spec = {"severity": "Critical" if number == AT_ONCE + 3 else "Warning"}
            world.apply(INCIDENT, "shop", {"metadata": {"name": f"i{number}"}, "spec": spec})
        coordinator = Coordinator(
            cluster=world.cluster(service_account("coordinator")),
            metrics=None,
            clock=world.clock,
            settings=CoordinatorSettings(diagnosed_at_once=AT_ONCE),
        )

        async def look() -> set[str]:
            for number in range(AT_ONCE + 4):
                await coordinator.reconcile("shop", f"i{number}")
            found = [Incident.model_validate(obj) for obj in world.api.store.scan(INCIDENT)]
            return {one.metadata.name for one in found if one.status.phase is Phase.DIAGNOSING}

        assert await look() == {"i0"}
        world.clock.advance(SETTLE.total_seconds())
        first = await look()
        assert len(first) == AT_ONCE
        assert first > {"i0", "i6"}, "the critical one, though it came last"
        world.clock.advance(3)
        assert await look() == first
        world.clock.advance(TURN.total_seconds() - 3)
        assert len(await look()) > len(first), "who takes long makes room"
        for _ in range(3):
            world.clock.advance(8)
            last = await look()
        assert len(last) == AT_ONCE + 4
