"""A limited number of attempts per Incident, whatever came of them."""

import pytest

from incident_commander.api.incident import Execution, StepOutcome
from incident_commander.guards.attempts import attempts_left
from tests.unit.guards.scene import incident, past, policy, scene

LIMITS = policy(limits={"maxAttempts": 2})


@pytest.mark.parametrize("outcome", list(StepOutcome))
def test_every_outcome_counts(outcome: StepOutcome) -> None:
    one, two = past(outcome, uid="uid-inc", number=1), past(outcome, uid="uid-inc", number=2)
    assert attempts_left(scene(policy=LIMITS, history=[one])).allowed
    verdict = attempts_left(scene(policy=LIMITS, history=[one, two]))
    assert (verdict.allowed, verdict.reason, verdict.retry_at) == (False, "AttemptsExhausted", None)


def test_attempts_that_only_the_incident_itself_records_count_once() -> None:
    mine = past(uid="uid-inc")
    execution = Execution(attempts=[mine.attempt])
    given = scene(policy=policy(limits={"maxAttempts": 1}), incident=incident(execution=execution), history=[mine])
    assert not attempts_left(given).allowed
    given = scene(policy=LIMITS, incident=incident(execution=execution), history=[mine])
    assert attempts_left(given).message == "attempt 2 of 2"


def test_the_present_attempt_and_those_of_others_do_not_count() -> None:
    own = past(uid="uid-inc", digest=scene().plan.digest)
    foreign = [past(uid="uid-other", number=n) for n in range(5)]
    assert attempts_left(scene(policy=LIMITS, history=[own, *foreign])).message == "attempt 1 of 2"
