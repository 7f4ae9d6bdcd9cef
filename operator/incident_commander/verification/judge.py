"""Pass, Fail or Inconclusive: the verdict over a window.

The window is longer than rule ``for`` + scrape + rollout, and only its end can prove success: an alert also
falls silent for a minute while a new pod starts, before it crashes again. Failure may be certain earlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_commander.api.incident import CheckResult
from incident_commander.api.plan import VerificationPlan
from incident_commander.verification.observation import ALERT_RESOLVED, WORKLOAD_HEALTHY, Observation


@dataclass(frozen=True, slots=True)
class Verdict:
    """``result`` None: not decided yet, look again in ``again_seconds``."""

    result: CheckResult | None
    message: str
    again_seconds: float = 0.0


def judge(plan: VerificationPlan, observation: Observation, *, started_at: datetime, now: datetime) -> Verdict:
    """The verdict at ``now`` on a change made at ``started_at``.

    Before the window's end only a failure for good counts, and only after the settling time. At its end any
    failing check is Fail, else any inconclusive one (or having no check at all) is Inconclusive, else Pass.
    Where nothing but the alert is left of it and the workload is healthy, one more window is waited for, since
    rules look back; then it is Inconclusive: taking back what made a workload healthy would be worse than asking.
    """
    settled_at = started_at + timedelta(seconds=min(plan.settle_seconds, plan.window_seconds))
    ends_at = started_at + timedelta(seconds=plan.window_seconds)
    if now < ends_at:
        if observation.failed_for_good and now >= settled_at:
            return Verdict(CheckResult.FAIL, _list(observation, CheckResult.FAIL) or "the workload failed for good")
        left = (ends_at - now).total_seconds()
        pause = min(float(plan.poll_seconds), left)
        return Verdict(None, f"measuring for another {left:.0f} s", max(pause, 0.05))
    if only_the_alert_is_left(observation):
        last = ends_at + timedelta(seconds=plan.window_seconds)
        if now < last:
            left = (last - now).total_seconds()
            return Verdict(None, "healthy, and the alert lingers", max(min(float(plan.poll_seconds), left), 0.05))
        return Verdict(CheckResult.INCONCLUSIVE, f"healthy, and yet {_list(observation, CheckResult.FAIL)}")
    if not observation.checks:
        return Verdict(CheckResult.INCONCLUSIVE, "there was nothing to measure success by")
    for result in (CheckResult.FAIL, CheckResult.INCONCLUSIVE):
        if found := _list(observation, result):
            return Verdict(result, found)
    return Verdict(CheckResult.PASS, _list(observation, CheckResult.PASS))


def only_the_alert_is_left(observation: Observation) -> bool:
    """Whether the workload was measured healthy and all that fails is the alert."""
    results = {check.name: check.result for check in observation.checks}
    failing = {name for name, result in results.items() if result is CheckResult.FAIL}
    return failing == {ALERT_RESOLVED} and results.get(WORKLOAD_HEALTHY) is CheckResult.PASS


def _list(observation: Observation, result: CheckResult) -> str:
    return "; ".join(f"{check.name}: {check.message}" for check in observation.checks if check.result is result)
