"""Pass, Fail or Inconclusive: the verdict over a window.

The window is longer than rule ``for`` + scrape + rollout, and only its end can prove success: an alert also
falls silent for a minute while a new pod starts, before it crashes again. Failure may be certain earlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_commander.api.incident import CheckResult
from incident_commander.api.plan import VerificationPlan
from incident_commander.verification.observation import Observation


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
    """
    settled_at = started_at + timedelta(seconds=min(plan.settle_seconds, plan.window_seconds))
    ends_at = started_at + timedelta(seconds=plan.window_seconds)
    if now < ends_at:
        if observation.failed_for_good and now >= settled_at:
            return Verdict(CheckResult.FAIL, _list(observation, CheckResult.FAIL) or "the workload failed for good")
        left = (ends_at - now).total_seconds()
        pause = min(float(plan.poll_seconds), left)
        return Verdict(None, f"measuring for another {left:.0f} s", max(pause, 0.05))
    if not observation.checks:
        return Verdict(CheckResult.INCONCLUSIVE, "there was nothing to measure success by")
    for result in (CheckResult.FAIL, CheckResult.INCONCLUSIVE):
        if found := _list(observation, result):
            return Verdict(result, found)
    return Verdict(CheckResult.PASS, _list(observation, CheckResult.PASS))


def _list(observation: Observation, result: CheckResult) -> str:
    return "; ".join(f"{check.name}: {check.message}" for check in observation.checks if check.result is result)
