"""Recompute a step from the current objects: whoever signs or carries out a plan does it for itself."""

from __future__ import annotations

from incident_commander.actions.action import Bounds, Situation
from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api.plan import Plan, Step
from incident_commander.errors import Refusal


def confirm_step(plan: Plan, step: Step, situation: Situation, bounds: Bounds) -> Step:
    """The step as the catalogue yields it now; it must equal the one in the plan.

    Raises ``Refusal``: ``TargetReplaced`` (another UID), ``PlanStale`` (the objects changed since it was
    planned), ``OutsideCatalogue`` (they did not change, and yet the catalogue yields another write), or what
    the action itself refuses (``NothingToChange``, ...).
    """
    uid = situation.target.get("metadata", {}).get("uid")
    if step.target.uid and uid != step.target.uid:
        raise Refusal("TargetReplaced", f"{step.target} is another object now (UID {uid}, planned {step.target.uid})")
    action = CATALOGUE.get(step.action)
    if action is None:
        raise Refusal("OutsideCatalogue", f"action {step.action} is not in the catalogue")
    current = action.plan(situation, step.parameters, bounds=bounds, issued_at=plan.issued_at, step_name=step.name)
    if essence(current) == essence(step):
        return current
    changed = _change(current, step)
    if changed is not None:
        raise Refusal("PlanStale", f"{step.target} changed since it was planned: {changed}")
    raise Refusal("OutsideCatalogue", f"{step.action} on {step.target} does not yield the write that the plan holds")


def essence(step: Step) -> Step:
    """The step without its wording."""
    return step.model_copy(update={"summary": ""})


def _change(current: Step, planned: Step) -> str | None:
    if current.target.generation != planned.target.generation:
        return f"generation {planned.target.generation} → {current.target.generation}"
    before = {field.path: field.value for field in planned.pre_image}
    for field in current.pre_image:
        if field.path in before and before[field.path] != field.value:
            return f"{field.path}: {before[field.path]} → {field.value}"
    return None
