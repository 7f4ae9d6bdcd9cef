"""Which lines of a log are quoted."""

from typing import Any

import pytest

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.telling import COMPLAINT, fatal, quote
from incident_commander.evidence.evidence import Log
from tests.unit.diagnosis.builders import NOW, crash_looping, deployment, evidence, log, pod, replica_set, running

WEB = deployment(ready=1)
RS = replica_set(WEB, "6d4b75cb6d", ready=1)
SICK, WELL = pod(RS, "abcde", crash_looping()), pod(RS, "fghij", running())


def quoted(*logs: Log, **asked: Any) -> list[str]:
    case = Case(evidence(WEB, RS, SICK, WELL, logs=logs), None, NOW)
    return [cited.value for cited in quote(case, SICK, "web", **asked)]


def test_the_innermost_exception_is_quoted_and_not_the_word_traceback() -> None:
    said = quoted(
        log(SICK, "starting", "Traceback (most recent call last):", '  File "a.py", line 3', "KeyError: 'rate'"), most=1
    )
    assert said == ["KeyError: 'rate'"]


def test_the_previous_container_has_the_last_word() -> None:
    said = quoted(log(SICK, "ERROR now"), log(SICK, "ERROR before the end", previous=True), most=1)
    assert said == ["ERROR before the end"]


def test_what_a_healthy_sibling_says_as_well_is_quoted_last() -> None:
    said = quoted(
        log(SICK, "ERROR cannot read the licence", "ERROR metrics endpoint is slow"),
        log(WELL, "ERROR metrics endpoint is slow", "ready"),
        most=1,
    )
    assert said == ["ERROR cannot read the licence"]


def test_many_lines_of_one_shape_are_quoted_once() -> None:
    lines = [f"2026-03-03T12:00:{n:02d}Z ERROR order {n} failed" for n in range(40)]
    assert len(quoted(log(SICK, *lines, "FATAL giving up"), most=3)) == 2


@pytest.mark.parametrize("line", ["GET / 200", "INFO ready", "listening on :8080"])
def test_ordinary_lines_are_not_quoted(line: str) -> None:
    assert quoted(log(SICK, line)) == []


@pytest.mark.parametrize(
    "line",
    ["invalid configuration: no rate", "could not open /data/orders", "Segmentation fault (core dumped)"],
)
def test_complaints_count_without_a_level(line: str) -> None:
    assert quoted(log(SICK, "starting", line), at_least=COMPLAINT) == [line]


def test_a_warning_is_no_complaint() -> None:
    assert quoted(log(SICK, "WARN cache is cold"), at_least=COMPLAINT) == []


def test_an_exception_is_fatal_and_a_warning_is_not() -> None:
    assert fatal("panic: no rate")
    assert not fatal("WARN retrying")
