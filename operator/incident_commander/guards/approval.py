"""In mode Approve, a person has approved exactly this plan, in time."""

from __future__ import annotations

from incident_commander.api.policy import Mode
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.verdicts import allow, deny


def approved(given: GuardInput) -> GuardVerdict:
    """Who approved is proven by admission (``spec.approval.approver`` equals the request's user)."""
    if given.undoing:
        return allow("Undoing")
    if given.policy is None:
        return deny("NoPolicy", "no policy says whether an approval is needed")
    if given.policy.spec.mode is Mode.AUTO:
        return allow("NotNeeded", "mode Auto")
    approval, state = given.incident.spec.approval, given.incident.status.approval
    digest = given.plan.digest
    if approval is None:
        return deny("NotApproved", "nobody has approved the plan: kubectl incident approve NAME")
    if not digest or approval.plan_digest != digest:
        return deny("ApprovalForOtherPlan", f"the approval is for {approval.plan_digest[:19]}…, not for this plan")
    if approval.decision != "Approve":
        return deny("RejectedByPerson", f"{approval.approver} rejected the plan")
    if state is None or state.plan_digest != digest or state.expires_at is None:
        return deny("ApprovalNotAsked", "status.approval does not show that this plan was up for approval")
    if given.now > state.expires_at:
        return deny("ApprovalExpired", f"the approval expired at {state.expires_at:%H:%M:%S} UTC; nothing is done")
    return allow("Approved", f"by {approval.approver}")
