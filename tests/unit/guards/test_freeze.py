"""Nothing is done in a freeze window, nor under one that cannot be understood."""

from datetime import UTC, datetime
from typing import Any

import pytest

from incident_commander.guards.freeze import not_frozen
from tests.unit.guards.scene import policy, scene


def at(moment: str, *windows: dict[str, Any]) -> Any:
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    named = [{"name": f"w{n}", **window} for n, window in enumerate(windows)]
    return not_frozen(scene(now=now, policy=policy(freezeWindows=named)))


SPAN = {"from": "2026-03-04T10:00:00Z", "until": "2026-03-04T14:00:00+01:00"}
FRIDAYS = {"schedule": "0 16 * * fri", "durationMinutes": 120, "timezone": "America/New_York"}


@pytest.mark.parametrize(
    ("moment", "window", "until"),
    [
        ("2026-03-04T09:59:59", SPAN, None),
        ("2026-03-04T10:00", SPAN, "2026-03-04T13:00"),
        ("2026-03-04T13:00", SPAN, None),
        ("2026-03-06T20:59", FRIDAYS, None),
        ("2026-03-06T21:00", FRIDAYS, "2026-03-06T23:00"),
        ("2026-03-06T22:59:59", FRIDAYS, "2026-03-06T23:00"),
        ("2026-03-06T23:00", FRIDAYS, None),
        ("2026-07-10T20:00", FRIDAYS, "2026-07-10T22:00"),  # summer time
    ],
)
def test_windows_are_on_from_start_to_end(moment: str, window: dict[str, Any], until: str | None) -> None:
    verdict = at(moment, window)
    assert verdict.allowed is (until is None)
    assert verdict.retry_at == (None if until is None else datetime.fromisoformat(until).replace(tzinfo=UTC))


def test_of_several_the_one_that_ends_last_says_when_to_ask_again() -> None:
    longer = {"from": "2026-03-04T00:00:00Z", "until": "2026-03-05T00:00:00Z"}
    verdict = at("2026-03-04T12:00", SPAN, longer, FRIDAYS)
    assert "w1" in verdict.message
    assert verdict.retry_at == datetime(2026, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "told"),
    [
        ({"schedule": "0 25 * * *", "durationMinutes": 5}, "hour '25'"),
        ({"schedule": "0 0 * * *"}, "durationMinutes"),
        ({"schedule": "0 0 * * *", "durationMinutes": 5, "timezone": "Mars/Olympus"}, "IANA"),
        ({"schedule": "0 0 * * *", "durationMinutes": 5, "timezone": "../etc/passwd"}, "IANA"),
        ({"from": "2026-03-04T10:00:00Z"}, "until is None"),
        ({"from": "yesterday", "until": "2026-03-04T10:00:00Z"}, "from is 'yesterday'"),
        ({"from": "2026-03-04T10:00:00Z", "until": "2026-03-04T09:00:00Z"}, "not after"),
        ({}, "RFC 3339"),
    ],
)
def test_a_window_that_cannot_be_understood_freezes_and_says_what_to_mend(window: dict[str, Any], told: str) -> None:
    verdict = at("2026-01-01T00:30", window)
    assert (verdict.allowed, verdict.reason, verdict.retry_at) == (False, "FreezeWindowInvalid", None)
    assert told in verdict.message
    assert "w0" in verdict.message


def test_no_windows_no_freeze() -> None:
    assert not_frozen(scene()).allowed
    assert not_frozen(scene(policy=None)).allowed
