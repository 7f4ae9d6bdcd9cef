"""A limited number of attempts under way in the cluster."""

from incident_commander.api.incident import StepOutcome
from incident_commander.guards.concurrency import slot_free
from tests.unit.guards.scene import past, policy, scene

LIMITS = policy(limits={"maxConcurrent": 2})


def busy(uid: str, outcome: StepOutcome = StepOutcome.INTENDED, *, terminal: bool = False) -> object:
    return past(outcome, uid=uid, target_uid=f"target-of-{uid}", terminal=terminal)


def test_incidents_under_way_count_once_each() -> None:
    assert slot_free(scene(policy=LIMITS, history=[busy("a"), busy("a")])).allowed
    verdict = slot_free(scene(policy=LIMITS, history=[busy("a"), busy("b", StepOutcome.APPLIED)]))
    assert verdict.reason == "TooManyAtOnce"
    assert verdict.retry_at is not None


def test_what_is_over_and_ourselves_do_not_count() -> None:
    done = [busy("a", terminal=True), busy("b", StepOutcome.UNDONE), busy("uid-inc")]
    assert slot_free(scene(policy=LIMITS, history=[*done, busy("c")])).allowed
