"""A policy allows this action here, in a mode that acts."""

from __future__ import annotations

from incident_commander.api.policy import Mode
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.verdicts import allow, deny


def policy_allows(given: GuardInput) -> GuardVerdict:
    """No policy is Observe. An empty list of actions allows none."""
    policy, action = given.policy, given.step.action
    if given.undoing:
        return allow("Undoing", "our own change is taken back under any policy")
    if policy is None:
        return deny("NoPolicy", f"no RemediationPolicy matches {given.step.target}, so it is only observed")
    name = f"RemediationPolicy {policy.metadata.name}"
    if policy.spec.mode is Mode.OBSERVE:
        return deny("ObserveMode", f"{name} is in mode Observe: plans are recommended, not carried out")
    if action not in policy.spec.actions:
        have = ", ".join(policy.spec.actions) or "none"
        return deny("ActionNotAllowed", f"{name} does not allow {action} (spec.actions: {have})")
    return allow("PolicyAllows", f"{name}, mode {policy.spec.mode}")
