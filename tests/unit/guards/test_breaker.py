"""The circuit breaker stops everything until a person closes it."""

from incident_commander.guards.breaker import breaker_closed
from incident_commander.guards.guard import Breaker
from tests.unit.guards.scene import scene


def test_open_stops_and_waiting_does_not_help() -> None:
    verdict = breaker_closed(scene(breaker=Breaker(True, "3 of 5 undone")))
    assert (verdict.allowed, verdict.reason, verdict.retry_at) == (False, "BreakerTripped", None)
    assert "3 of 5 undone" in verdict.message


def test_closed_allows() -> None:
    assert breaker_closed(scene()).allowed
