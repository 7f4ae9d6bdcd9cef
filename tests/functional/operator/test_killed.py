"""Processes are killed at every step: nothing is lost or done twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.controlplane.stub_prometheus import StubPrometheus
from tests.functional.house import COMPONENTS, House
from tests.functional.operator.case import Case, remedied_once

WORKERS = tuple(name for name in COMPONENTS if name != "gateway")
AGENTS = tuple(name for name in COMPONENTS if name.startswith("agent-"))


def test_an_alert_becomes_a_verified_fix(house: House, prometheus: StubPrometheus) -> None:
    case = Case(house, prometheus)
    case.fire()
    remedied_once(case)


@pytest.mark.parametrize("phase", ["Diagnosing", "Voting", "Executing", "Verifying"])
def test_everything_is_killed_in_every_phase_and_carries_on(
    house: House, prometheus: StubPrometheus, phase: str
) -> None:
    # The component that would move it on is away, so that the phase is met for sure.
    absent = {"Diagnosing": "agent-diagnosis", "Voting": "agent-verification", "Executing": "executor"}.get(phase)
    # How long nine processes take to start depends on the machine: the round stays open for it.
    required = {"requiredRoles": ["verification"]} if phase == "Voting" else {}
    case = Case(house, prometheus, consensus={"roundSeconds": 300, **required})
    if absent is not None:
        house.kill(absent)
    case.fire()
    case.await_phase(phase)
    house.kill(*(name for name in WORKERS if name != absent))
    house.start(*WORKERS)
    remedied_once(case)


@pytest.mark.parametrize(
    "victims", [("coordinator",), ("executor",), AGENTS], ids=["coordinator", "executor", "agents"]
)
def test_a_part_that_is_killed_right_after_the_alert_is_restarted_and_carries_on(
    house: House, prometheus: StubPrometheus, victims: Sequence[str]
) -> None:
    case = Case(house, prometheus, consensus={"roundSeconds": 300})
    case.fire()
    house.kill(*victims)
    house.start(*victims)
    remedied_once(case)
