"""Certificates: made by the coordinator, believed by nobody who has not verified them.

A certificate is not signed: its envelopes prove it. Everything in it that decides anything is recomputed
from the plan, the Agent resources and the policy. What remains free for its author is ``issuedAt`` (between
the last vote and the expiry), a quorum above the required one, and ``quarantined`` of members, which can
only take votes away.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime, timedelta

from incident_commander.api.agent import Agent
from incident_commander.api.incident import Certificate, Member, RecordedVote
from incident_commander.api.plan import Plan
from incident_commander.api.policy import ConsensusPolicy
from incident_commander.api.statement import Decision, Statement, Vote
from incident_commander.consensus.ballot import signed_vote
from incident_commander.consensus.digest import plan_digest
from incident_commander.consensus.envelope import CLOCK_SKEW, Signed, check_times, read_unverified
from incident_commander.consensus.membership import members_of, tolerated_faults
from incident_commander.consensus.membership import quorum as quorum_of
from incident_commander.consensus.reasons import CertificateReason, StatementReason
from incident_commander.errors import InvalidCertificate, InvalidStatement, TooFewAgents

SPREAD = timedelta(seconds=60)
"""Votes of one round that were cast within this time of one another go into its certificate together."""


def issue(
    incident_uid: str,
    plan: Plan,
    round_: int,
    members: Sequence[Member],
    quorum: int,
    votes: Sequence[RecordedVote],
    now: datetime,
    *,
    required_roles: Sequence[str],
) -> Certificate:
    """A certificate from accepted votes, one for each approving member.

    It expires with the first of its votes. Votes that expire more than ``SPREAD`` before the rest would cease
    to make a quorum (and the required roles) are left out: one agent cannot shorten it by voting for a second.
    ``required_roles``: of the policy; a vote that they need is never left out.
    Raises InvalidCertificate (``QuorumNotReached`` or ``RequiredRoleMissing``).
    """
    entitled = {member.agent for member in members if not member.quarantined}
    approvals = {v.agent: v for v in votes if v.decision is Decision.APPROVE and v.agent in entitled}
    expiries = {agent: read_unverified(vote.envelope).expires_at for agent, vote in approvals.items()}
    _check_quorum(len(approvals), quorum, {v.role for v in approvals.values()}, required_roles, "")
    limits = [sorted(expiries.values(), reverse=True)[quorum - 1]]
    limits += [
        max(expiries[agent] for agent, vote in approvals.items() if vote.role == role) for role in required_roles
    ]
    included = [vote for agent, vote in sorted(approvals.items()) if expiries[agent] >= min(limits) - SPREAD]
    return Certificate(
        incident_uid=incident_uid,
        round=round_,
        plan_digest=plan_digest(plan),
        members=list(members),
        faults=tolerated_faults(len(members)),
        quorum=quorum,
        issued_at=now,
        expires_at=min(expiries[vote.agent] for vote in included),
        envelopes=[vote.envelope for vote in included],
    )


def verify_certificate(
    certificate: Certificate,
    *,
    plan: Plan,
    incident_uid: str,
    agents: Sequence[Agent],
    consensus_policy: ConsensusPolicy | None,
    now: datetime | None,
) -> None:
    """Return only when a quorum of ``agents`` approved exactly ``plan`` for that Incident, and it counts at ``now``.

    ``now`` None is an audit of the past: everything (membership, keys, expiry, quarantine) is judged as of
    ``certificate.issued_at``, which the certificate's author chose between the last vote and the expiry.
    ``consensus_policy`` None asks for the default quorum. Raises InvalidCertificate.
    """
    policy = consensus_policy or ConsensusPolicy()
    at = certificate.issued_at if now is None else now
    _check_subject(certificate, plan, incident_uid)
    _check_period(certificate, at)
    present = _check_membership(certificate, agents, at)
    try:
        required = quorum_of(len(present), policy.min_quorum)
    except TooFewAgents as error:
        raise InvalidCertificate(CertificateReason.TOO_FEW_AGENTS, str(error)) from None
    if certificate.faults != tolerated_faults(len(present)):
        raise InvalidCertificate(
            CertificateReason.FAULTS,
            f"it says that {certificate.faults} faults are tolerated; {len(present)} members tolerate "
            f"{tolerated_faults(len(present))}",
        )
    if certificate.quorum < required:
        raise InvalidCertificate(
            CertificateReason.QUORUM_TOO_LOW,
            f"its quorum is {certificate.quorum}; {len(present)} members and the policy require {required}",
        )
    counted, lapsed = _approvals(certificate, agents, present, at)
    _check_quorum(len(counted), certificate.quorum, {s.role for s in counted}, policy.required_roles, "; ".join(lapsed))


def _check_subject(certificate: Certificate, plan: Plan, incident_uid: str) -> None:
    if certificate.incident_uid != incident_uid or plan.incident_uid != incident_uid:
        raise InvalidCertificate(
            CertificateReason.FOREIGN_INCIDENT,
            f"the certificate is about Incident uid {certificate.incident_uid!r}, the plan about "
            f"{plan.incident_uid!r}; this one is {incident_uid!r}",
        )
    try:
        recomputed = plan_digest(plan)
    except ValueError as error:
        raise InvalidCertificate(CertificateReason.FOREIGN_PLAN, f"the plan has no digest: {error}") from None
    if not certificate.plan_digest == plan.digest == recomputed:
        raise InvalidCertificate(
            CertificateReason.FOREIGN_PLAN,
            f"the certificate is for plan {certificate.plan_digest}; the plan calls itself "
            f"{plan.digest or '(no digest)'} and its content is {recomputed}",
        )


def _check_period(certificate: Certificate, at: datetime) -> None:
    if certificate.issued_at > at + CLOCK_SKEW:
        raise InvalidCertificate(
            CertificateReason.FROM_THE_FUTURE, f"it was issued at {certificate.issued_at}, and it is {at}"
        )
    if at >= certificate.expires_at:
        raise InvalidCertificate(
            CertificateReason.EXPIRED, f"it expired at {certificate.expires_at}, and it is judged at {at}"
        )


def _check_membership(certificate: Certificate, agents: Sequence[Agent], at: datetime) -> list[Member]:
    """The members as the Agent resources have them at that time, all of them in the certificate and no other."""
    names = [agent.metadata.name for agent in agents]
    if len(set(names)) != len(names):
        raise InvalidCertificate(CertificateReason.DUPLICATE_AGENT, "two Agent resources have the same name")
    present = members_of(agents, at)
    claimed = {(m.agent, m.role) for m in certificate.members}
    actual = {(m.agent, m.role) for m in present}
    if claimed != actual or len(certificate.members) != len(present):
        extra = ", ".join(f"{a} ({r})" for a, r in sorted(claimed - actual)) or "none"
        absent = ", ".join(f"{a} ({r})" for a, r in sorted(actual - claimed)) or "none"
        raise InvalidCertificate(
            CertificateReason.MEMBERSHIP,
            f"its members are not the agents with a key that counts: not an agent: {extra}; left out: {absent}",
        )
    declared = {agent.metadata.name: {key.key_id for key in agent.spec.public_keys} for agent in agents}
    for member in certificate.members:
        if not member.key_ids or not set(member.key_ids) <= declared[member.agent]:
            raise InvalidCertificate(
                CertificateReason.MEMBERSHIP, f"it lists keys for {member.agent} that are not in its Agent resource"
            )
    return present


def _approvals(
    certificate: Certificate, agents: Sequence[Agent], present: Sequence[Member], at: datetime
) -> tuple[list[Statement], list[str]]:
    """The approvals that count, and why others of them no longer do. One false envelope spoils it all."""
    opened: dict[str, Statement] = {}
    lapsed: dict[str, str] = {}
    for number, envelope in enumerate(certificate.envelopes):
        try:
            signed, vote = signed_vote(envelope, agents)
            _check_vote(certificate, signed.statement, vote)
            why = _lapse(certificate, signed, present, at)
        except (InvalidStatement, InvalidCertificate) as error:
            reason = error.reason if isinstance(error, InvalidCertificate) else CertificateReason.BAD_ENVELOPE
            raise InvalidCertificate(reason, f"envelope {number}: {error}") from None
        if signed.statement.agent in opened:
            raise InvalidCertificate(
                CertificateReason.DUPLICATE_VOTE, f"envelope {number}: {signed.statement.agent} is there twice"
            )
        opened[signed.statement.agent] = signed.statement
        if why:
            lapsed[signed.statement.agent] = why
    if not opened or certificate.expires_at != min(s.expires_at for s in opened.values()):
        raise InvalidCertificate(
            CertificateReason.WRONG_EXPIRY, "it does not expire together with the first of its votes"
        )
    return [s for agent, s in opened.items() if agent not in lapsed], list(lapsed.values())


def _check_vote(certificate: Certificate, statement: Statement, vote: Vote) -> None:
    bound = (certificate.incident_uid, certificate.round, certificate.plan_digest)
    if (statement.incident_uid, vote.round, vote.plan_digest) != bound:
        raise InvalidCertificate(
            CertificateReason.BAD_ENVELOPE,
            f"the vote of {statement.agent} is about Incident uid {statement.incident_uid}, round {vote.round}, "
            f"plan {vote.plan_digest}",
        )
    if vote.decision is not Decision.APPROVE:
        raise InvalidCertificate(CertificateReason.NOT_AN_APPROVAL, f"{statement.agent} votes {vote.decision}")


def _lapse(certificate: Certificate, signed: Signed, present: Sequence[Member], at: datetime) -> str:
    """Why an approval that was good once does not count now; empty when it does. Raises InvalidStatement."""
    name = signed.statement.agent
    try:
        check_times(signed, at)
    except InvalidStatement as error:
        if error.reason != StatementReason.KEY_NOT_VALID:
            raise
        return str(error)
    if any(m.agent == name and m.quarantined for m in (*present, *certificate.members)):
        return f"{name} is quarantined"
    if not any(m.agent == name and signed.key.key_id in m.key_ids for m in certificate.members):
        return f"{name} signed with a key that was not a member's when the round was opened"
    return ""


def _check_quorum(approvals: int, quorum: int, roles: Set[str], required_roles: Sequence[str], lapsed: str) -> None:
    detail = f" ({lapsed})" if lapsed else ""
    if approvals < max(quorum, 1):
        raise InvalidCertificate(
            CertificateReason.QUORUM_NOT_REACHED, f"{approvals} approvals count, {quorum} are needed{detail}"
        )
    lacking = [role for role in required_roles if role not in roles]
    if lacking:
        raise InvalidCertificate(
            CertificateReason.REQUIRED_ROLE_MISSING,
            f"the policy requires {', '.join(lacking)} to approve, which did not{detail}",
        )
