"""A limited number of attempts in any sliding hour."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.incident import StepOutcome
from incident_commander.guards.hourly_budget import within_budget
from tests.unit.guards.scene import NOW, past, policy, scene


@given(st.lists(st.integers(0, 119), max_size=8), st.integers(1, 4))
def test_the_next_one_may_start_when_enough_of_them_are_an_hour_old(minutes: list[int], limit: int) -> None:
    history = [past(uid=f"i{n}", minutes_ago=m) for n, m in enumerate(minutes)]
    rule = policy(limits={"maxPerHour": limit})
    verdict = within_budget(scene(policy=rule, history=history))
    assert verdict.allowed is (sum(m < 60 for m in minutes) < limit)
    if verdict.retry_at is not None:
        assert NOW < verdict.retry_at <= NOW + timedelta(hours=1)
        assert within_budget(scene(policy=rule, history=history, now=verdict.retry_at)).allowed
        just_before = verdict.retry_at - timedelta(seconds=1)
        assert not within_budget(scene(policy=rule, history=history, now=just_before)).allowed


def test_attempts_that_wrote_nothing_do_not_count() -> None:
    history = [past(o, uid=o.value, minutes_ago=1) for o in (StepOutcome.REFUSED, StepOutcome.NO_OP)]
    assert within_budget(scene(policy=policy(limits={"maxPerHour": 1}), history=history)).allowed
