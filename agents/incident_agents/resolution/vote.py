"""Is the plan still what was proposed? Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from incident_agents.agent import Ballot
from incident_agents.refusals import Objection
from incident_commander.actions.action import Bounds, Situation
from incident_commander.api.plan import Plan
from incident_commander.api.statement import Decision, Proposal
from incident_commander.errors import Refusal
from incident_commander.planning.recompute import confirm_step


class ResolutionReason(enum.StrEnum):
    """Why resolution votes as it does."""

    PLAN_UNCHANGED = "PlanUnchanged"
    PLAN_STALE = "PlanStale"
    NOT_PROPOSED = "NotProposed"
    TARGET_REPLACED = "TargetReplaced"
    TARGET_NOT_FOUND = "TargetNotFound"
    NOTHING_TO_CHANGE = "NothingToChange"
    NO_LONGER_POSSIBLE = "NoLongerPossible"
    OUTSIDE_CATALOGUE = "OutsideCatalogue"


_OF_REFUSAL = {
    "PlanStale": ResolutionReason.PLAN_STALE,
    "TargetReplaced": ResolutionReason.TARGET_REPLACED,
    "NothingToChange": ResolutionReason.NOTHING_TO_CHANGE,
    "OutsideCatalogue": ResolutionReason.OUTSIDE_CATALOGUE,
}


def vote(
    plan: Plan,
    said: Proposal | None,
    situations: Mapping[str, Situation],
    bounds: Bounds,
    forbidden: Objection | None = None,
) -> Ballot:
    """``situations`` by ``str(TargetRef)``, read just now; a target that is not among them does not exist.

    ``forbidden``: why it would not be proposed now; the reason of that vote is the guard's.
    """
    if said is None or all(mine.digest != plan.digest for mine in said.plans):
        message = "this plan is not one that was proposed"
        return Ballot(Decision.REJECT, ResolutionReason.NOT_PROPOSED, message)
    for step in plan.steps:
        situation = situations.get(str(step.target))
        if situation is None:
            message = f"step {step.name}: {step.target} does not exist any more"
            return Ballot(Decision.REJECT, ResolutionReason.TARGET_NOT_FOUND, message)
        try:
            confirm_step(plan, step, situation, bounds)
        except Refusal as refusal:
            reason = _OF_REFUSAL.get(refusal.reason, ResolutionReason.NO_LONGER_POSSIBLE)
            return Ballot(Decision.REJECT, reason, f"step {step.name}: {refusal}")
    if forbidden is not None:
        return Ballot(Decision.REJECT, forbidden.reason, f"would not be proposed any more: {forbidden.message}")
    message = f"all {len(plan.steps)} steps come out of the present objects exactly as proposed"
    return Ballot(Decision.APPROVE, ResolutionReason.PLAN_UNCHANGED, message)
