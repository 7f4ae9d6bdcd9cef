"""Time to settle between two actions on one target."""

from datetime import timedelta

import pytest

from incident_commander.api.incident import StepOutcome
from incident_commander.guards.cooldown import cooled_down
from tests.unit.guards.scene import NOW, past, policy, scene

LIMITS = policy(limits={"cooldownSeconds": 600})


@pytest.mark.parametrize(("minutes", "allowed"), [(0, False), (9.99, False), (10, True), (11, True)])
def test_the_last_write_to_the_target_counts(minutes: float, allowed: bool) -> None:
    history = [past(minutes_ago=60, number=1), past(minutes_ago=minutes, number=2)]
    verdict = cooled_down(scene(policy=LIMITS, history=history))
    assert verdict.allowed is allowed
    assert verdict.retry_at == (None if allowed else NOW + timedelta(minutes=10 - minutes))


def test_what_wrote_nothing_or_elsewhere_does_not_count() -> None:
    for other in (
        past(StepOutcome.REFUSED, minutes_ago=1),
        past(StepOutcome.NO_OP, minutes_ago=1),
        past(minutes_ago=1, target_uid="another"),
    ):
        assert cooled_down(scene(policy=LIMITS, history=[other])).allowed


@pytest.mark.parametrize(
    "outcome", [StepOutcome.APPLIED, StepOutcome.UNDONE, StepOutcome.FAILED, StepOutcome.UNDO_FAILED]
)
def test_undone_and_failed_writes_count(outcome: StepOutcome) -> None:
    assert not cooled_down(scene(policy=LIMITS, history=[past(outcome, minutes_ago=1)])).allowed


def test_earlier_steps_of_the_same_plan_do_not_hold_up_the_later_ones() -> None:
    given = scene(policy=LIMITS)
    own = past(uid="uid-inc", digest=given.plan.digest, minutes_ago=0)
    assert cooled_down(scene(policy=LIMITS, history=[own])).allowed
