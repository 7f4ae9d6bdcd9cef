"""What the installation does not enable is done nowhere, whatever a policy allows: the executor has no right to."""

from __future__ import annotations

from collections.abc import Collection

from incident_commander.api.plan import ActionName, Step
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.verdicts import allow, deny

REASON = "ActionDisabled"


def enabled(given: GuardInput) -> GuardVerdict:
    """A change that was made while its action was enabled may still be taken back."""
    problem = "" if given.undoing else switched_off(given.step, given.disabled_actions)
    return deny(REASON, problem) if problem else allow("ActionEnabled")


def switched_off(step: Step, disabled: Collection[ActionName]) -> str:
    """What would be done, and how to enable it; the empty string when it is enabled. Asking people always is."""
    if step.action is ActionName.ESCALATE or step.action not in disabled:
        return ""
    return (
        f"the fix is: {step.summary}. But {step.action} is not enabled in this installation: an administrator sets "
        f"actions.{step.action}=true in the chart's values"
    )
