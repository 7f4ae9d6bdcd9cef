"""The verdict over a window: only its end proves success, missing data is never Pass."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.incident import Check, CheckResult
from incident_commander.api.plan import PromQLCheck, VerificationPlan
from incident_commander.verification.judge import judge
from incident_commander.verification.observation import WORKLOAD_HEALTHY, Observation, alert_check, promql_check

START = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = VerificationPlan(window_seconds=300, settle_seconds=30, poll_seconds=15)
results = st.sampled_from(list(CheckResult))


def observed(*results: CheckResult, failed: bool = False) -> Observation:
    checks = (Check(name=f"check-{n}", result=r, message=r.value) for n, r in enumerate(results))
    return Observation(tuple(checks), failed)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@given(st.lists(results, max_size=5), st.floats(0, 299.9), st.booleans())
def test_nothing_passes_before_the_end_of_the_window(found: list[CheckResult], after: float, failed: bool) -> None:
    verdict = judge(PLAN, observed(*found, failed=failed), started_at=START, now=at(after))
    assert verdict.result in (None, CheckResult.FAIL)
    if verdict.result is None:
        assert 0 < verdict.again_seconds <= PLAN.poll_seconds


@given(st.lists(results, max_size=5), st.booleans())
def test_at_the_end_one_failure_fails_and_one_unknown_is_inconclusive(found: list[CheckResult], failed: bool) -> None:
    verdict = judge(PLAN, observed(*found, failed=failed), started_at=START, now=at(300))
    if CheckResult.FAIL in found:
        assert verdict.result is CheckResult.FAIL
    elif CheckResult.INCONCLUSIVE in found or not found:
        assert verdict.result is CheckResult.INCONCLUSIVE
    else:
        assert verdict.result is CheckResult.PASS


def test_a_failure_for_good_ends_the_wait_but_not_before_things_settled() -> None:
    doomed = observed(CheckResult.FAIL, failed=True)
    assert judge(PLAN, doomed, started_at=START, now=at(29)).result is None
    assert judge(PLAN, doomed, started_at=START, now=at(30)).result is CheckResult.FAIL


def test_a_symptom_that_may_still_pass_is_waited_for() -> None:
    assert judge(PLAN, observed(CheckResult.FAIL), started_at=START, now=at(200)).result is None


def test_the_last_poll_is_at_the_end_of_the_window_and_not_after_it() -> None:
    assert judge(PLAN, observed(), started_at=START, now=at(295)).again_seconds == 5


class TestAnAlertThatLingers:
    HEALTHY = Check(name=WORKLOAD_HEALTHY, result=CheckResult.PASS, message="3 of 3")
    SICK = Check(name=WORKLOAD_HEALTHY, result=CheckResult.FAIL, message="0 of 3")
    FIRING = alert_check(True, "still firing")

    def verdict(self, seconds: float, *checks: Check) -> CheckResult | None:
        return judge(PLAN, Observation(checks), started_at=START, now=at(seconds)).result

    def test_is_waited_for_one_more_window_while_the_workload_is_healthy(self) -> None:
        assert self.verdict(300, self.HEALTHY, self.FIRING) is None
        assert self.verdict(599, self.HEALTHY, self.FIRING) is None

    def test_then_nobody_can_tell_and_what_made_it_healthy_is_not_taken_back(self) -> None:
        assert self.verdict(600, self.HEALTHY, self.FIRING) is CheckResult.INCONCLUSIVE

    def test_passes_as_soon_as_it_resolves_after_the_window(self) -> None:
        assert self.verdict(400, self.HEALTHY, alert_check(False, "resolved")) is CheckResult.PASS

    def test_is_a_failure_at_once_when_the_workload_is_sick_or_was_not_measured(self) -> None:
        assert self.verdict(300, self.SICK, self.FIRING) is CheckResult.FAIL
        assert self.verdict(300, self.FIRING) is CheckResult.FAIL


class TestPromQL:
    CHECK = PromQLCheck(name="errors", query="sum(rate(errors[1m]))", operator="<", threshold="0.05")

    def test_every_sample_must_satisfy_the_comparison(self) -> None:
        assert promql_check(self.CHECK, [0.01, 0.049]).result is CheckResult.PASS
        assert promql_check(self.CHECK, [0.01, 0.05]).result is CheckResult.FAIL

    def test_no_sample_no_prometheus_and_not_a_number_are_inconclusive(self) -> None:
        assert promql_check(self.CHECK, []).result is CheckResult.INCONCLUSIVE
        assert promql_check(self.CHECK, None, "connection refused").message == "connection refused"
        assert promql_check(self.CHECK, [float("nan")]).result is CheckResult.INCONCLUSIVE

    def test_infinity_is_compared_as_a_number(self) -> None:
        assert promql_check(self.CHECK, [float("inf")]).result is CheckResult.FAIL


def test_an_alert_of_which_nobody_can_tell_is_inconclusive() -> None:
    assert alert_check(None, "?").result is CheckResult.INCONCLUSIVE
    assert alert_check(True, "!").result is CheckResult.FAIL
    assert alert_check(False, ".").result is CheckResult.PASS
