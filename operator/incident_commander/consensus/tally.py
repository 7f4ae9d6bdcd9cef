"""How a round stands, given the votes that were accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from incident_commander.api.incident import Member, RecordedVote, RoundDecision
from incident_commander.api.role import Role
from incident_commander.api.statement import Decision


@dataclass(frozen=True, slots=True)
class Tally:
    """``decision`` is Certified, Rejected or Open. ``missing``: members that may still vote, by name."""

    decision: RoundDecision
    approvals: int
    rejections: int
    abstentions: int
    missing: tuple[str, ...]
    message: str


def tally(
    votes: Sequence[RecordedVote], members: Sequence[Member], quorum: int, required_roles: Sequence[Role] = ()
) -> Tally:
    """Count once per member that is not quarantined; a member with two different votes counts for neither.

    Certified: at least ``quorum`` approve, one of each required role among them. Rejected: that
    can no longer come about, as after a quorum of rejections. A round that is past its deadline is the
    caller's to expire.
    """
    decisions = _by_member(votes, members)
    approving = [m for m in members if decisions.get(m.agent) is Decision.APPROVE]
    rejections = sum(d is Decision.REJECT for d in decisions.values())
    abstentions = sum(d is Decision.ABSTAIN for d in decisions.values())
    missing = [m for m in members if m.agent not in decisions and not m.quarantined]
    approved_roles = {m.role for m in approving}
    lacking = [role for role in required_roles if role not in approved_roles]
    hopeless = [role for role in lacking if role not in {m.role for m in missing}]
    counted = f"{len(approving)} of {len(members)} approve, {rejections} reject, {abstentions} abstain"

    if len(approving) >= quorum and not lacking:
        decision, message = RoundDecision.CERTIFIED, f"{counted}; quorum is {quorum}"
    elif len(approving) + len(missing) < quorum:
        decision = RoundDecision.REJECTED
        message = f"{counted}; {len(missing)} may still vote, the quorum of {quorum} cannot be reached"
    elif hopeless:
        decision = RoundDecision.REJECTED
        message = f"{counted}; the policy requires {', '.join(hopeless)} to approve, which did not"
    else:
        decision = RoundDecision.OPEN
        waiting = ", ".join(m.agent for m in missing)
        message = f"{counted}; quorum is {quorum}; waiting for {waiting}"
    return Tally(
        decision=decision,
        approvals=len(approving),
        rejections=rejections,
        abstentions=abstentions,
        missing=tuple(m.agent for m in missing),
        message=message,
    )


def _by_member(votes: Sequence[RecordedVote], members: Sequence[Member]) -> dict[str, Decision | None]:
    """The decision of each member that voted; None for one that contradicted itself."""
    entitled = {m.agent for m in members if not m.quarantined}
    decisions: dict[str, Decision | None] = {}
    for vote in votes:
        if vote.agent not in entitled:
            continue
        if vote.agent in decisions and decisions[vote.agent] is not vote.decision:
            decisions[vote.agent] = None
        else:
            decisions[vote.agent] = vote.decision
    return decisions
