"""The same fix for the same alert does not run a third time."""

import pytest

from incident_commander.api.incident import StepOutcome
from incident_commander.guards.loop import no_loop
from tests.unit.guards.scene import incident, past, scene

YEAR = 60 * 24 * 365


@pytest.mark.parametrize("outcome", [o for o in StepOutcome if o is not StepOutcome.REFUSED])
def test_the_third_run_is_refused_whatever_came_of_the_first_two(outcome: StepOutcome) -> None:
    runs = [past(outcome, uid=f"i{n}", minutes_ago=n * YEAR) for n in (1, 2)]
    assert no_loop(scene(history=runs[:1])).allowed
    verdict = no_loop(scene(history=runs))
    assert (verdict.allowed, verdict.reason, verdict.retry_at) == (False, "LoopDetected", None)


def test_other_runbooks_alerts_and_refused_attempts_are_not_runs() -> None:
    others = [
        past(uid="a", runbook="another"),
        past(uid="b", fingerprints=("f2",)),
        past(StepOutcome.REFUSED, uid="c"),
        past(uid="d"),
    ]
    assert no_loop(scene(history=others)).message == "run 2 of 2"


def test_one_shared_alert_is_enough() -> None:
    runs = [past(uid=f"i{n}", fingerprints=("x", "f2")) for n in (1, 2)]
    assert not no_loop(scene(incident=incident(fingerprints=("f1", "f2")), history=runs)).allowed


def test_an_incident_without_alerts_is_known_by_its_target() -> None:
    without = incident(fingerprints=())
    same = [past(uid=f"i{n}", fingerprints=()) for n in (1, 2)]
    assert not no_loop(scene(incident=without, history=same)).allowed
    other = [past(uid=f"i{n}", target_uid="another", fingerprints=()) for n in (1, 2)]
    assert no_loop(scene(incident=without, history=other)).allowed
