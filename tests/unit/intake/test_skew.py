"""Times that cannot be: the alert is taken, counts from when it came, and says what it was sent with."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.incident import Alert
from incident_commander.intake.correlate import Fate
from incident_commander.intake.skew import SENT_END, SENT_START, believable, said_of, sent_start, skewed_fields
from tests.unit.intake.board import NOW, Board, alert

DAY = 24 * 3600


def received(one: Alert, *, after: float = 0) -> Alert:
    return believable(one, NOW + timedelta(seconds=after))


class TestAStartInTheFuture:
    def test_within_what_clocks_differ_by_is_left_alone(self) -> None:
        one = alert(at=300)
        assert received(one) is one
        assert said_of(one) == ""

    def test_beyond_it_counts_from_when_it_came_and_says_so(self) -> None:
        one = received(alert(at=301))
        assert one.starts_at == NOW
        assert one.annotations[SENT_START] == "2026-01-31T12:05:01.000Z"
        assert skewed_fields(one) == ("startsAt",)
        board = Board()
        board.send(one)
        assert "startsAt is 2026-01-31T12:05:01.000Z, in the future" in board.specs[0].spec.description

    def test_sent_again_changes_nothing_however_much_later(self) -> None:
        board = Board()
        board.send(received(alert(at=DAY)))
        assert board.send(received(alert(at=DAY), after=60)) == [Fate.UNCHANGED]
        assert board.writes == 1

    def test_fires_again_with_another_one(self) -> None:
        board = Board()
        board.send(received(alert(at=DAY)))
        assert board.send(received(alert(at=2 * DAY), after=60)) == [Fate.UPDATED]

    def test_is_over_when_it_is_told_to_be(self) -> None:
        board = Board()
        board.send(received(alert(at=DAY)))
        assert board.send(received(alert(at=DAY, resolved=True), after=60)) == [Fate.RESOLVED]
        [kept] = board.specs[0].spec.alerts
        assert (kept.starts_at, kept.ends_at) == (NOW, NOW + timedelta(seconds=60))

    def test_that_is_only_counted_is_counted_once(self) -> None:
        board = Board()
        many = [alert(f"a{n}", at=DAY) for n in range(60)]
        board.send(*(received(one) for one in many))
        assert set(board.send(*(received(one, after=60) for one in many))) == {Fate.UNCHANGED}
        assert board.accounted() == 60


class TestAnEndThatCannotBe:
    def test_before_the_start_is_when_it_came(self) -> None:
        one = received(alert(resolved=True).model_copy(update={"ends_at": NOW - timedelta(seconds=1)}), after=90)
        assert one.ends_at == NOW + timedelta(seconds=90)
        assert one.annotations[SENT_END] == "2026-01-31T11:59:59.000Z"
        assert skewed_fields(one) == ("endsAt",)

    def test_is_told_by_the_alert_that_it_ends(self) -> None:
        board = Board()
        board.send(alert())
        ended = alert(resolved=True).model_copy(update={"ends_at": NOW + timedelta(days=900)})
        assert board.send(received(ended, after=90)) == [Fate.RESOLVED]
        [kept] = board.specs[0].spec.alerts
        assert kept.ends_at == NOW + timedelta(seconds=90)
        assert SENT_END in kept.annotations
        assert board.send(received(ended, after=500)) == [Fate.UNCHANGED]


@given(st.integers(-(10**8), 10**8), st.integers(-(10**8), 10**8), st.booleans())
def test_what_is_taken_is_never_far_ahead_nor_ends_before_it_began(at: int, length: int, resolved: bool) -> None:
    end = {"ends_at": NOW + timedelta(seconds=at + length)} if resolved else {}
    sent = alert(at=at, resolved=resolved).model_copy(update=end)
    taken = received(sent)
    assert taken.starts_at <= NOW + timedelta(minutes=5)
    assert taken.ends_at is None or taken.starts_at <= taken.ends_at <= NOW + timedelta(minutes=5)
    assert sent_start(taken) == sent.starts_at
    assert bool(skewed_fields(taken)) == (taken != sent)
