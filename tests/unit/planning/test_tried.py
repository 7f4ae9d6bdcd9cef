"""What had its chance: a plan that nobody answered is put again, once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from incident_commander.api.incident import Attempt, PastRound, RoundDecision, StepOutcome
from incident_commander.planning.tried import answered, tried_runbooks

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def attempt(runbook: str) -> Attempt:
    return Attempt(id="1", round=1, plan_digest="x", runbook=runbook, started_at=NOW, outcome=StepOutcome.UNDONE)


def past(runbook: str, decision: RoundDecision) -> PastRound:
    return PastRound(round=1, plan_digest=runbook, runbook=runbook, decision=decision, approvals=0, rejections=0)


@pytest.mark.parametrize("decision", [RoundDecision.REJECTED, RoundDecision.CERTIFIED])
def test_a_runbook_whose_plan_was_decided_on_had_its_chance(decision: RoundDecision) -> None:
    assert tried_runbooks([past("a", decision)], []) == {"a"}


def test_a_runbook_that_was_carried_out_had_its_chance() -> None:
    assert tried_runbooks([], [attempt("done")]) == {"done"}


def test_a_stale_plan_may_be_made_anew_however_often() -> None:
    assert tried_runbooks([past("a", RoundDecision.STALE)] * 5, []) == set()


def test_a_plan_that_nobody_answered_is_put_again() -> None:
    assert tried_runbooks([past("a", RoundDecision.EXPIRED)], []) == set()


def test_a_plan_that_nobody_answered_twice_makes_room_for_the_next() -> None:
    assert tried_runbooks([past("a", RoundDecision.EXPIRED)] * 2, []) == {"a"}


def test_silence_about_one_plan_is_none_about_another() -> None:
    assert answered([past("a", RoundDecision.EXPIRED), past("b", RoundDecision.EXPIRED)]) == []


def test_a_runbook_without_a_name_is_no_runbook() -> None:
    assert tried_runbooks([past("", RoundDecision.REJECTED)], []) == set()
