"""Five-field cron: which minutes, and when it last started."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_commander.guards.cron import latest_start, parse

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "moment", "matches"),
    [
        ("* * * * *", "2026-03-04T12:34", True),
        ("30 2 * * *", "2026-03-04T02:30", True),
        ("30 2 * * *", "2026-03-04T02:31", False),
        ("*/15 * * * *", "2026-03-04T02:45", True),
        ("5/15 * * * *", "2026-03-04T02:35", True),
        ("5/15 * * * *", "2026-03-04T02:04", False),
        ("0 9-17/4 * * *", "2026-03-04T13:00", True),
        ("0 9-17/4 * * *", "2026-03-04T14:00", False),
        ("0 0 * * fri", "2026-03-06T00:00", True),
        ("0 0 * * 5", "2026-03-06T00:00", True),
        ("0 0 * * 7", "2026-03-08T00:00", True),
        ("0 0 * * 0", "2026-03-08T00:00", True),
        ("0 0 * * 5-7", "2026-03-08T00:00", True),
        ("0 0 1 jan,JUL *", "2026-07-01T00:00", True),
        ("0 0 13 * 5", "2026-03-13T00:00", True),  # day or weekday, when both are given
        ("0 0 13 * 5", "2026-03-06T00:00", True),
        ("0 0 13 * 5", "2026-03-07T00:00", False),
        ("0 0 */2 * 5", "2026-03-06T00:00", False),  # a star, also with a step, does not restrict: both must hold
        ("@daily", "2026-03-04T00:00", True),
        ("@hourly", "2026-03-04T07:01", False),
    ],
)
def test_minutes(text: str, moment: str, matches: bool) -> None:
    assert parse(text).matches(datetime.fromisoformat(moment)) is matches


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("* * * *", "five"),
        ("60 * * * *", "minute '60' is not 0-59"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day '0'"),
        ("* * * foo *", "month 'foo' is not 1-12 or jan-dec"),
        ("* * * * 8", "weekday"),
        ("*/0 * * * *", "minute '0'"),
        ("30-10 * * * *", "backwards"),
        ("1,,2 * * * *", "minute ''"),
        ("-1 * * * *", "minute ''"),
        ("@reboot", "five"),
        ("", "five"),
    ],
)
def test_mistakes_are_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse(text)


moments = st.integers(0, 366 * 86_400).map(lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s))


@settings(max_examples=50)
@given(moments, st.integers(0, 23), st.integers(0, 59), st.integers(1, 2880), st.sampled_from([UTC, BERLIN]))
def test_the_latest_start_of_a_daily_window(now: datetime, hour: int, minute: int, length: int, zone: ZoneInfo) -> None:
    """Against the plain definition: the last local hour:minute that is not more than the length ago."""
    found = latest_start(parse(f"{minute} {hour} * * *"), zone, now, timedelta(minutes=length))
    local = now.astimezone(zone)
    starts = []
    for days in range(4):
        day = (local - timedelta(days=days)).date()
        for fold in (0, 1):
            start = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone, fold=fold).astimezone(UTC)
            if start.astimezone(zone).hour == hour:  # the clocks do not skip it
                starts.append(start)
    expected = max((s for s in starts if now - timedelta(minutes=length) < s <= now), default=None)
    if found is not None and found.astimezone(zone).hour != hour:
        assert found.astimezone(zone).utcoffset() != (found - timedelta(hours=1)).astimezone(zone).utcoffset()
    else:
        assert found == expected


def test_a_start_that_the_clocks_skip_counts_when_they_skip_it() -> None:
    # 2026-03-29 02:00 → 03:00 in Berlin, at 01:00 UTC.
    schedule, night = parse("30 2 * * *"), datetime(2026, 3, 29, 1, 10, tzinfo=UTC)
    assert latest_start(schedule, BERLIN, night, timedelta(hours=1)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


def test_a_start_that_comes_twice_starts_twice() -> None:
    # 2026-10-25 03:00 → 02:00 in Berlin, at 01:00 UTC.
    schedule = parse("30 2 * * *")
    first = latest_start(schedule, BERLIN, datetime(2026, 10, 25, 0, 45, tzinfo=UTC), timedelta(hours=1))
    second = latest_start(schedule, BERLIN, datetime(2026, 10, 25, 1, 45, tzinfo=UTC), timedelta(hours=1))
    assert (first, second) == (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC))


def test_the_end_of_a_window_is_outside_of_it() -> None:
    schedule, start = parse("0 12 * * *"), datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    hour = timedelta(hours=1)
    assert latest_start(schedule, UTC, start + hour - timedelta(seconds=1), hour) == start
    assert latest_start(schedule, UTC, start + hour, hour) is None
    assert latest_start(schedule, UTC, start - timedelta(seconds=1), hour) is None
