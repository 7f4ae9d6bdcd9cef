"""Parameters of a runbook's steps that their actions do not take, or lack: such a step is never planned."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from incident_commander.actions.action import Parameters
from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api.plan import ActionName
from incident_commander.api.runbook import Runbook, RunbookStep


def wrong_parameters(runbook: Runbook) -> list[str]:
    """A sentence for each, with its place and what the action takes."""
    return [
        f"Runbook {runbook.metadata.name}: spec.steps[{index}].parameters: {problem}"
        for index, step in enumerate(runbook.spec.steps)
        for problem in _problems(step)
    ]


def _problems(step: RunbookStep) -> Iterator[str]:
    takes = _takes(step)
    if takes is None:
        known = ", ".join(name for name in ActionName if name not in (step.action, ActionName.ESCALATE))
        yield f"{step.action} proposes no action {step.parameters['action']!r}; it may be one of {known}"
        return
    listed = ", ".join(takes.known) or "none"
    for name in step.parameters:
        if name not in takes.known:
            near = get_close_matches(name, takes.known, n=1)
            instead = f"is it {near[0]}?" if near else f"it knows: {listed}"
            yield f"{step.action} has no parameter {name!r}; {instead}"
    for name in takes.needed:
        if not step.parameters.get(name):
            yield f"{step.action} needs the parameter {name!r}"
    if takes.some and not any(step.parameters.get(name) for name in takes.some):
        yield f"{step.action} needs one of {', '.join(takes.some)}"
    if step.action is ActionName.SET_ENV and "value" in step.parameters and not step.parameters.get("name"):
        yield f"{step.action} needs the parameter 'name' with 'value'"


def _takes(step: RunbookStep) -> Parameters | None:
    """What the step may be given; of a proposal, what its action takes, too. None: there is no such action."""
    takes, inner = CATALOGUE[step.action].takes, step.parameters.get("action", "")
    if step.action is not ActionName.GITOPS_PROPOSAL or not inner or "${" in inner:
        return takes
    if inner not in set(ActionName) - {ActionName.GITOPS_PROPOSAL, ActionName.ESCALATE}:
        return None
    of = CATALOGUE[ActionName(inner)].takes
    return Parameters((*takes.needed, *of.needed), of.some, of.optional)
