"""What a GitOps controller would revert is proposed to people, not patched."""

from __future__ import annotations

from incident_commander.actions.ownership import ownership_of
from incident_commander.api.policy import GitOps
from incident_commander.evidence.evidence import reference
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.verdicts import allow, deny


def not_reverted(given: GuardInput) -> GuardVerdict:
    """Argo CD, Flux, or any controller that made the target; ``spec.gitOps: Patch`` overrides."""
    if given.undoing:
        return allow("Undoing")
    owner = ownership_of(given.target)
    patch = given.policy is not None and given.policy.spec.git_ops is GitOps.PATCH
    if owner.reverts and not patch:
        return deny(
            "OwnedByGitOps",
            f"{reference(given.target)} is kept by {owner}, which would revert a patch; change it there, or set"
            " spec.gitOps: Patch in the policy",
        )
    if given.plan.proposal_only:
        why = given.plan.proposal_reason or "it says so"
        return deny("ProposalOnly", f"the plan is a proposal for people, not to be carried out: {why}")
    return allow("PolicyPatchesGitOps" if owner.reverts else "NotReverted", str(owner) if owner.reverts else "")
