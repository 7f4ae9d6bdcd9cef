"""Storm control: bursts are taken, floods become one Incident, and quiet ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from incident_commander.intake.storm import StormControl, StormLimits

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
LIMITS = StormLimits(incident_burst=3, incidents_per_minute=6, join_burst=4, lookup_burst=5, quiet_seconds=60)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_burst_is_admitted_and_what_is_above_it_is_a_storm() -> None:
    storms = StormControl(LIMITS)
    assert [storms.admits_incident("shop", NOW) for _ in range(5)] == [True, True, True, False, False]
    assert storms.storming("shop", NOW)


def test_namespaces_do_not_share_their_limits() -> None:
    storms = StormControl(LIMITS)
    for _ in range(5):
        storms.admits_incident("shop", NOW)
    assert storms.admits_incident("other", NOW)
    assert not storms.storming("other", NOW)


def test_a_steady_rate_below_the_limit_is_no_storm() -> None:
    storms = StormControl(LIMITS)
    assert all(storms.admits_incident("shop", after(10 * n)) for n in range(100))


def test_a_storm_ends_when_it_was_quiet_for_long_enough() -> None:
    storms = StormControl(LIMITS)
    for _ in range(4):
        storms.admits_incident("shop", NOW)
    assert not storms.admits_incident("shop", after(59))
    assert not storms.storming("shop", after(61))
    assert storms.admits_incident("shop", after(61))


def test_going_on_above_the_limit_prolongs_it() -> None:
    storms = StormControl(LIMITS)
    for second in range(300):
        storms.admits_incident("shop", after(second))
    assert storms.storming("shop", after(350))


def test_looking_and_joining_have_limits_of_their_own_and_are_no_storm() -> None:
    storms = StormControl(LIMITS)
    assert [storms.admits_lookup("shop", NOW) for _ in range(6)] == [True] * 5 + [False]
    assert [storms.admits_join("shop", NOW) for _ in range(5)] == [True] * 4 + [False]
    assert storms.admits_incident("shop", NOW)


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    storms = StormControl(LIMITS)
    for _ in range(3):
        storms.admits_incident("shop", NOW)
    storms.admits_incident("shop", after(-3600))
    assert not storms.admits_incident("shop", NOW)
