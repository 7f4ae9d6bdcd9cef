"""May this be done now, by policy? Pure: the rules are the same guards that the executor asks again."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from incident_agents.agent import Ballot
from incident_agents.rules import Rules
from incident_commander.api.plan import Verb
from incident_commander.api.policy import Mode
from incident_commander.api.statement import Decision
from incident_commander.guards.deny_list import not_denied
from incident_commander.guards.freeze import not_frozen
from incident_commander.guards.gitops import not_reverted
from incident_commander.guards.guard import Guard, GuardInput
from incident_commander.guards.opt_in import opted_in
from incident_commander.guards.policy_mode import policy_allows
from incident_commander.guards.scope import in_scope


class CommunicationReason(enum.StrEnum):
    """Why communication votes as it does."""

    ALLOWED_NOW = "AllowedNow"
    APPROVAL_WILL_BE_ASKED = "ApprovalWillBeAsked"
    RECOMMENDATION_ONLY = "RecommendationOnly"
    NOT_OPTED_IN = "NotOptedIn"
    OUT_OF_SCOPE = "OutOfScope"
    DENIED = "Denied"
    ACTION_NOT_ALLOWED = "ActionNotAllowed"
    FREEZE_WINDOW = "FreezeWindow"
    OWNED_BY_GITOPS = "OwnedByGitOps"
    POLICY_UNREADABLE = "PolicyUnreadable"


_RULES: tuple[tuple[Guard, CommunicationReason], ...] = (
    (opted_in, CommunicationReason.NOT_OPTED_IN),
    (in_scope, CommunicationReason.OUT_OF_SCOPE),
    (not_denied, CommunicationReason.DENIED),
    (policy_allows, CommunicationReason.ACTION_NOT_ALLOWED),
    (not_reverted, CommunicationReason.OWNED_BY_GITOPS),
    (not_frozen, CommunicationReason.FREEZE_WINDOW),
)
"""What holds for good comes before what passes with time."""


@dataclass(frozen=True, slots=True)
class Objection:
    """The first rule that stands against the plan."""

    reason: CommunicationReason
    message: str


def objection(inputs: Sequence[GuardInput]) -> Objection | None:
    """The first rule that any step breaks, or None. A step that writes nothing breaks none."""
    for guard, reason in _RULES:
        for given in inputs:
            if given.step.verb is Verb.NONE:
                continue
            verdict = guard(given)
            if not verdict.allowed:
                return Objection(reason, f"step {given.step.name}: {verdict.message}")
    return None


def vote(rules: Rules, found: Objection | None) -> Ballot:
    """In mode Observe nothing is done, so nothing can be against it: the plan is a recommendation."""
    if rules.unreadable:
        message = f"RemediationPolicy {rules.unreadable} cannot be understood; what it forbids is not known"
        return Ballot(Decision.ABSTAIN, CommunicationReason.POLICY_UNREADABLE, message)
    if rules.mode is Mode.OBSERVE:
        name = rules.policy.metadata.name if rules.policy is not None else ""
        why = f"RemediationPolicy {name} is in mode Observe" if name else "no RemediationPolicy matches"
        return Ballot(Decision.APPROVE, CommunicationReason.RECOMMENDATION_ONLY, f"{why}: a recommendation to people")
    if found is not None:
        return Ballot(Decision.REJECT, found.reason, found.message)
    if rules.mode is Mode.APPROVE:
        return Ballot(
            Decision.APPROVE,
            CommunicationReason.APPROVAL_WILL_BE_ASKED,
            "allowed once a person approves this very plan",
        )
    name = rules.policy.metadata.name if rules.policy is not None else ""
    return Ballot(Decision.APPROVE, CommunicationReason.ALLOWED_NOW, f"RemediationPolicy {name} allows it, now")
