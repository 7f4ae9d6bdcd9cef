"""From the dry-run's outcome and what can be measured to a vote. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from incident_agents.agent import Ballot
from incident_agents.refusals import Objection
from incident_agents.wording import duration
from incident_commander.api.plan import Plan, Risk, Step, Verb
from incident_commander.api.statement import Decision, Measurement


class VerificationReason(enum.StrEnum):
    """Why verification votes as it does."""

    DRY_RUN_PASSED = "DryRunPassed"
    DRY_RUN_REFUSED = "DryRunRefused"
    DRY_RUN_UNKNOWN = "DryRunUnknown"
    TARGET_CHANGED = "TargetChanged"
    NOT_UNDOABLE = "NotUndoable"
    NOT_MEASURABLE = "NotMeasurable"


class Tried(enum.StrEnum):
    """What the API server said to one step's dry-run."""

    PASSED = "Passed"
    REFUSED = "Refused"
    """Validation or an admission policy says no."""
    CHANGED = "Changed"
    """The object is not what the plan was made for."""
    UNKNOWN = "Unknown"
    """No usable answer, or we may not ask."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """The outcome for one step."""

    step: str
    tried: Tried
    message: str = ""


@dataclass(frozen=True, slots=True)
class Instruments:
    """What success could be measured with now; None: the plan does not ask for it. A text says what is wrong.

    ``doubt``: the instruments work, and yet some of them show nothing now.
    """

    health: str | None = None
    alerts: str | None = None
    queries: str | None = None
    doubt: str = ""

    def problems(self) -> list[str]:
        """What cannot be measured now."""
        named = {"workload health": self.health, "the alert": self.alerts, "PromQL checks": self.queries}
        return [f"{name}: {problem}" for name, problem in named.items() if problem]

    def any_asked(self) -> bool:
        """Whether the plan measures anything at all."""
        return any(value is not None for value in (self.health, self.alerts, self.queries))


def vote(plan: Plan, tries: Sequence[DryRun], instruments: Instruments, refused: Objection | None = None) -> Ballot:
    """``refused``: what the executor's guards say in a trial run.

    Changed and refused steps first, then what can never be proven or taken back, then what is merely unknown.
    """
    told = measurement(plan, instruments)
    for tried, decision, reason in (
        (Tried.CHANGED, Decision.REJECT, VerificationReason.TARGET_CHANGED),
        (Tried.REFUSED, Decision.REJECT, VerificationReason.DRY_RUN_REFUSED),
    ):
        found = [t for t in tries if t.tried is tried]
        if found:
            return Ballot(decision, reason, _list(found), aside=told)
    if refused is not None:
        message = f"the trial run ends at guard {refused.guard}, so nothing could be measured: {refused.message}"
        return Ballot(Decision.REJECT, refused.reason, message, aside=told)
    final = [s for s in plan.steps if _final(s)]
    if final:
        message = "; ".join(f"step {s.name} is of high risk and cannot be undone: {s.undo.reason}" for s in final)
        return Ballot(Decision.REJECT, VerificationReason.NOT_UNDOABLE, message, aside=told)
    if not told.measurable:
        return Ballot(Decision.REJECT, VerificationReason.NOT_MEASURABLE, told.message, aside=told)
    if instruments.doubt:
        return Ballot(Decision.ABSTAIN, VerificationReason.NOT_MEASURABLE, instruments.doubt, aside=told)
    unknown = [t for t in tries if t.tried is Tried.UNKNOWN]
    if unknown:
        return Ballot(Decision.ABSTAIN, VerificationReason.DRY_RUN_UNKNOWN, _list(unknown), aside=told)
    undo = "all steps can be undone" if all(s.undo.possible for s in plan.steps) else "not every step can be undone"
    message = f"the API server accepts all {len(plan.steps)} steps; {undo}; {told.message}"
    return Ballot(Decision.APPROVE, VerificationReason.DRY_RUN_PASSED, message, aside=told)


def measurement(plan: Plan, instruments: Instruments) -> Measurement:
    """How success will be measured, and whether that is possible now.

    One instrument that is out makes the verdict Inconclusive at best, so all that the plan asks for must work.
    """
    if not instruments.any_asked():
        return Measurement(measurable=False, message="the plan names nothing by which success could be measured")
    problems = instruments.problems()
    if problems:
        return Measurement(measurable=False, message="; ".join(problems)[:1024])
    checks = plan.verification
    asked = {
        "workload health": instruments.health is not None,
        "the alert": instruments.alerts is not None,
        f"{len(checks.promql)} PromQL checks": instruments.queries is not None,
    }
    by = ", ".join(name for name, wanted in asked.items() if wanted)
    window, settle = duration(checks.window_seconds), duration(checks.settle_seconds)
    return Measurement(measurable=True, message=f"measured for {window} (the first {settle} to settle) by {by}")


def _final(step: Step) -> bool:
    return step.verb is not Verb.NONE and step.risk is Risk.HIGH and not step.undo.possible


def _list(found: Sequence[DryRun]) -> str:
    return "; ".join(f"step {one.step}: {one.message}" for one in found)
