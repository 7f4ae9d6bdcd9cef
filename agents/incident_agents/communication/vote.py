"""May this be done now, by policy? Pure: the rules are the same guards that the executor asks again."""

from __future__ import annotations

import enum

from incident_agents.agent import Ballot
from incident_agents.refusals import Objection
from incident_agents.rules import Rules
from incident_commander.api.policy import Mode
from incident_commander.api.statement import Decision


class CommunicationReason(enum.StrEnum):
    """Why communication votes as it does; where it says no, the reason is the guard's own."""

    ALLOWED_NOW = "AllowedNow"
    APPROVAL_WILL_BE_ASKED = "ApprovalWillBeAsked"
    RECOMMENDATION_ONLY = "RecommendationOnly"
    POLICY_UNREADABLE = "PolicyUnreadable"


def vote(rules: Rules, found: Objection | None) -> Ballot:
    """In mode Observe nothing is done, so nothing can be against it: the plan is a recommendation."""
    if rules.unreadable:
        message = f"{rules.unreadable}; what it forbids is not known"
        return Ballot(Decision.ABSTAIN, CommunicationReason.POLICY_UNREADABLE, message)
    if rules.mode is Mode.OBSERVE:
        name = rules.policy.metadata.name if rules.policy is not None else ""
        why = f"RemediationPolicy {name} is in mode Observe" if name else "no RemediationPolicy matches"
        return Ballot(Decision.APPROVE, CommunicationReason.RECOMMENDATION_ONLY, f"{why}: a recommendation to people")
    if found is not None:
        return Ballot(Decision.REJECT, found.reason, f"not to be done now: {found.message}")
    if rules.mode is Mode.APPROVE:
        return Ballot(
            Decision.APPROVE,
            CommunicationReason.APPROVAL_WILL_BE_ASKED,
            "allowed once a person approves this very plan",
        )
    name = rules.policy.metadata.name if rules.policy is not None else ""
    return Ballot(Decision.APPROVE, CommunicationReason.ALLOWED_NOW, f"RemediationPolicy {name} allows it, now")
