"""An API server that stops answering is told once, with the reason, and so is its return."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest
import structlog

from incident_commander.adapters.answering import Answering

LATE = "GET /api/v1/pods: no answer in time"
CUT = "GET /api/v1/pods: ServerDisconnectedError: Server disconnected"


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def answering(time: Time) -> Answering:
    return Answering(time)


@pytest.fixture
def lines() -> Any:
    with structlog.testing.capture_logs() as captured:
        yield captured


def said(lines: list[MutableMapping[str, Any]]) -> list[tuple[str, str]]:
    return [(line["log_level"], line["event"].partition(";")[0]) for line in lines]


DOES_NOT = ("warning", "The API server does not answer")
AGAIN = ("info", "The API server answers again")


def test_a_request_that_waited_in_vain_is_a_warning_with_its_reason(answering: Answering, lines: Any) -> None:
    answering.heard(LATE, 15.0)
    assert said(lines) == [DOES_NOT]
    assert (lines[0]["reason"], lines[0]["for_seconds"]) == (LATE, 15.0)


def test_it_is_said_once_until_it_is_over(time: Time, answering: Answering, lines: Any) -> None:
    for _ in range(5):
        answering.heard(LATE, 15.0)
        time.now += 15
    answering.heard("", 0.1)
    answering.heard("", 0.1)
    assert said(lines) == [DOES_NOT, AGAIN]
    assert lines[1]["after_seconds"] == 15 + 5 * 15


def test_one_idle_connection_that_was_cut_is_no_news(answering: Answering, lines: Any) -> None:
    answering.heard(CUT, 0.01)
    answering.heard("", 0.01)
    answering.heard(CUT, 0.01)
    assert lines == []


def test_a_refused_connection_is_told_at_the_second_try(answering: Answering, lines: Any) -> None:
    answering.heard(CUT, 0.01)
    answering.heard(CUT, 0.01)
    assert said(lines) == [DOES_NOT]


def test_one_slow_request_among_answered_ones_is_no_outage(time: Time, answering: Answering, lines: Any) -> None:
    time.now += 10
    answering.heard("", 0.1)
    time.now += 5
    answering.heard(LATE, 15.0)
    assert lines == []
