"""Who has served requests without errors for minutes is not troubled by what his log said before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.evidence.logs.times import names_zone
from incident_commander.ports import Series
from tests.unit.diagnosis.builders import NOW, NS, log
from tests.unit.diagnosis.shop import shop

SAID = "FATAL: remaining connection slots are reserved for non-replication superuser connections (SQLSTATE 53300)"


def believed(
    *, said: float, failed: float = 0.0, measured: bool = True, alerted: float | None = 2, zone: str = "Z"
) -> bool:
    """Whether "full" is believed of a database that a caller, who logs errors only, complained of minutes ago."""
    made = shop("postgres:17", 5432)
    times = [NOW - timedelta(minutes=said, seconds=seconds) for seconds in (300, 12, 8, 4)]
    lines = [f"{at:%Y-%m-%dT%H:%M:%S.%f}{zone} ERROR query failed: {SAID}" for at in times]
    made.logs = [log(made.pods["orders"], *lines, container="orders")]
    of_pod = {"namespace": NS, "pod": made.pods["orders"]["metadata"]["name"]}
    points = tuple((NOW.timestamp() - 30 * n, failed if n < 8 else 0.04) for n in range(40))[::-1]
    gone = tuple((at - 240, 0.5) for at, _ in points)
    ratios = [Series(of_pod, points), Series({"namespace": NS, "app": "orders"}, gone)]
    found = made.evidence(series={"request_error_ratio": ratios} if measured else {})
    found = replace(found, alerts=[firing(NOW - timedelta(minutes=alerted))] if alerted is not None else [])
    told = diagnose(found, None, NOW).hypotheses
    return any(h.cause is Cause.DATABASE_CONNECTIONS_EXHAUSTED and h.confidence >= BAR for h in told)


def firing(since: datetime) -> Alert:
    labels = {"alertname": "HighLatency", "namespace": NS, "app": "web"}
    return Alert(fingerprint="f00", status=AlertStatus.FIRING, labels=labels, starts_at=since)


def test_a_complaint_of_another_outage_is_over() -> None:
    assert not believed(said=9)
    assert not believed(said=9, alerted=None)


@pytest.mark.parametrize(
    "more",
    [
        {"said": 1.0},
        {"said": 9.0, "failed": 0.2},
        {"said": 9.0, "measured": False},
        {"said": 9.0, "alerted": 20.0},
        {"said": 9.0, "zone": ""},
    ],
    ids=["said just now", "requests fail", "nobody measures", "the alert is older", "a clock of unknown zone"],
)
def test_it_is_not_over_while_that_is_not_known(more: dict[str, float]) -> None:
    assert believed(**more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"2026-03-03T12:00:00Z x", True),
        (b"2026-03-03 12:00:00,123 +0100 x", True),
        (b'{"time":1772539200123,"msg":"x"}', True),
        (b"2026-03-03 12:00:00 x", False),
        (b"x", False),
    ],
)
def test_a_time_names_its_zone_or_it_does_not(line: bytes, named: bool) -> None:
    assert names_zone(line) is named
