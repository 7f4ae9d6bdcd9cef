"""What was measured once, check by check, before it is judged."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from incident_commander.api.incident import Check, CheckResult
from incident_commander.api.plan import PromQLCheck

WORKLOAD_HEALTHY = "WorkloadHealthy"
ALERT_RESOLVED = "AlertResolved"
CHANGE_IN_PLACE = "ChangeInPlace"

_COMPARE: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Observation:
    """All checks of one poll. ``failed_for_good``: waiting longer cannot make the workload healthy."""

    checks: tuple[Check, ...]
    failed_for_good: bool = False


def alert_check(firing: bool | None, detail: str) -> Check:
    """The alert check; ``firing`` None means that nobody could tell."""
    if firing is None:
        return Check(name=ALERT_RESOLVED, result=CheckResult.INCONCLUSIVE, message=detail[:1024])
    result = CheckResult.FAIL if firing else CheckResult.PASS
    return Check(name=ALERT_RESOLVED, result=result, message=detail[:1024])


def promql_check(check: PromQLCheck, samples: Sequence[float] | None, problem: str = "") -> Check:
    """Every sample must satisfy the comparison; no sample, or no Prometheus, is Inconclusive."""
    if samples is None:
        return _inconclusive(check, problem or "Prometheus could not be asked")
    if not samples:
        return _inconclusive(check, f"no data for {check.query}")
    compare, threshold = _COMPARE[check.operator], Decimal(check.threshold)
    values = [Decimal(repr(sample)) for sample in samples]
    if any(value.is_nan() for value in values):
        return _inconclusive(check, f"not a number among the samples of {check.query}")
    wrong = [value for value in values if not compare(value, threshold)]
    shown = ", ".join(str(value) for value in (wrong or values)[:3])
    wanted = f"{check.operator} {check.threshold}"
    if wrong:
        message = f"{len(wrong)} of {len(values)} samples are not {wanted}: {shown}"
        return Check(name=check.name, result=CheckResult.FAIL, message=message)
    return Check(name=check.name, result=CheckResult.PASS, message=f"all {len(values)} samples {wanted}: {shown}")


def _inconclusive(check: PromQLCheck, message: str) -> Check:
    return Check(name=check.name, result=CheckResult.INCONCLUSIVE, message=message[:1024])
