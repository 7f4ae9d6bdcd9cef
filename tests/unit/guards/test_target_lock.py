"""One attempt at a time on one target."""

from datetime import timedelta

import pytest

from incident_commander.api.incident import StepOutcome
from incident_commander.api.plan import Verb
from incident_commander.guards.target_lock import unlocked
from tests.unit.guards.scene import NOW, past, scene


@pytest.mark.parametrize("outcome", list(StepOutcome))
def test_an_open_incident_holds_the_lock_while_its_attempt_stands(outcome: StepOutcome) -> None:
    verdict = unlocked(scene(history=[past(outcome, terminal=False)]))
    holds = outcome in (StepOutcome.INTENDED, StepOutcome.APPLIED, StepOutcome.UNDOING)
    assert verdict.allowed is not holds
    assert verdict.retry_at == (NOW + timedelta(seconds=30) if holds else None)


def test_it_is_free_otherwise() -> None:
    assert unlocked(scene(history=[past(terminal=True)])).allowed
    assert unlocked(scene(history=[past(terminal=False, target_uid="another")])).allowed
    assert unlocked(scene(history=[past(terminal=False, uid="uid-inc")])).allowed
    assert unlocked(scene(history=[past(terminal=False, verb=Verb.NONE)])).allowed


def test_undoing_waits_for_the_lock_as_well() -> None:
    assert not unlocked(scene(undoing=True, history=[past(StepOutcome.APPLIED, terminal=False)])).allowed
