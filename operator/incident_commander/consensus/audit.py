"""Everything about an Incident's decision that can be checked from the Incident and the public keys alone.

``verify_certificate`` answers whether a plan may be carried out. An audit answers a reader: which claims of
the record were checked, and which is the first that is not so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from incident_commander.api.agent import Agent
from incident_commander.api.incident import Attempt, Certificate, Incident, Outcome, Phase, RoundDecision
from incident_commander.api.plan import Plan
from incident_commander.api.policy import ConsensusPolicy, Mode
from incident_commander.consensus.ballot import signed_vote
from incident_commander.consensus.carried_out import contradictions, of_certificate
from incident_commander.consensus.certificate import verify_certificate
from incident_commander.consensus.digest import plan_digest
from incident_commander.consensus.reasons import CertificateReason as Reason
from incident_commander.errors import InvalidCertificate, InvalidStatement


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim. ``holds`` None: not checked, because one before it is false."""

    claim: str
    holds: bool | None
    detail: str = ""


NOT_COVERED = (
    "of the spec all but the target: alerts, severity, description; who spec.approval names, which admission proved "
    "when it was made (approvals of older versions do not name spec.targetRef: then no claim about it is listed "
    "above; the plan's own targets are always covered)",
    "what was diagnosed: hypotheses, cause, assessment, forecast, story; and the agents' annotations",
    "which policy and mode applied",
    "how it went: outcomes, verification, times, guards, but for contradictions",
    "earlier rounds, whose plans are not on record any more; attempts left out where the status does not speak of them",
    "conditions, timeline, and every free text",
)
"""What a good audit says nothing about, since no vote signs it."""
MAX_INCIDENT = 256
"""Characters of ``namespace/name`` in a statement."""
_AFTER_A_DECISION = frozenset({Phase.AWAITING_APPROVAL, Phase.EXECUTING, Phase.VERIFYING, Phase.ROLLING_BACK})
_OUTCOMES_OF_A_DECISION = frozenset({Outcome.REMEDIATED, Outcome.PREVENTED, Outcome.ROLLED_BACK})
_PLAN = "the plan is the one that was certified (digest recomputed)"
_PERIOD = "the certificate had not expired when it was issued"
_MEMBERS = "its members are the agents with a key that counted then"
_QUORUM = "its quorum is not lower than these members and the policy require"
_VOTES = "every envelope is a signed approval of this Incident, round and plan, one for each agent"
_ENOUGH = "the approvals make the quorum, every required role among them"
_NAMED = "every approval names this Incident (namespace and name)"
_ABOUT = "every approval names this Incident's target (spec.targetRef)"
_ROUND = "the certificate is of the round that the status shows"
_CARRIED_OUT = "what was carried out is what was certified, and the status does not contradict it"
_CLAIMS: tuple[tuple[str, frozenset[Reason]], ...] = (
    (_PLAN, frozenset({Reason.FOREIGN_INCIDENT, Reason.FOREIGN_PLAN})),
    (_PERIOD, frozenset({Reason.FROM_THE_FUTURE, Reason.EXPIRED})),
    (_MEMBERS, frozenset({Reason.DUPLICATE_AGENT, Reason.MEMBERSHIP})),
    (_QUORUM, frozenset({Reason.TOO_FEW_AGENTS, Reason.FAULTS, Reason.QUORUM_TOO_LOW})),
    (
        _VOTES,
        frozenset({Reason.BAD_ENVELOPE, Reason.NOT_AN_APPROVAL, Reason.DUPLICATE_VOTE, Reason.WRONG_EXPIRY}),
    ),
    (_ENOUGH, frozenset({Reason.QUORUM_NOT_REACHED, Reason.REQUIRED_ROLE_MISSING})),
)


def audit(incident: Incident, agents: Sequence[Agent], consensus_policy: ConsensusPolicy | None) -> list[Finding]:
    """Check the record of ``incident``, as of when its certificate was issued. Nothing certified: one false finding."""
    certificate, plan = incident.status.consensus.certificate, incident.status.plan
    if certificate is None or plan is None:
        what = "certificate (status.consensus.certificate)" if certificate is None else "plan (status.plan)"
        return [Finding("a plan was certified", False, f"there is no {what} in this Incident")]
    return [
        *_certificate(certificate, plan, incident, agents, consensus_policy),
        _named(certificate, incident, agents),
        *_about(certificate, incident, agents),
        _recorded_votes(certificate, incident, agents),
        _round(certificate, incident),
        *_approval(plan, incident),
        *_execution(certificate, plan, incident),
    ]


def nothing_decided(incident: Incident) -> bool:
    """Whether the Incident neither has a decision nor claims one: then there is nothing to audit.

    A record that shows what only a decision leads to, and no certificate, is not undecided: it is false.
    """
    status = incident.status
    claims = (
        status.consensus.decision is RoundDecision.CERTIFIED
        or status.phase in _AFTER_A_DECISION
        or status.outcome in _OUTCOMES_OF_A_DECISION
    )
    return status.consensus.certificate is None and not status.execution.attempts and not claims


def _certificate(
    certificate: Certificate,
    plan: Plan,
    incident: Incident,
    agents: Sequence[Agent],
    consensus_policy: ConsensusPolicy | None,
) -> Iterator[Finding]:
    details = _details(certificate, plan)
    if certificate.plan_digest != plan.digest == plan_digest(plan):
        detail = (
            f"status.plan is another plan now ({plan.runbook}, {plan.digest}); the certified one, "
            f"{certificate.plan_digest}, is not in this record any more"
        )
        yield Finding(_PLAN, False, detail)
        for claim, _ in _CLAIMS[1:]:
            yield Finding(claim, None)
        return
    try:
        verify_certificate(
            certificate,
            plan=plan,
            incident_uid=incident.metadata.uid,
            agents=agents,
            consensus_policy=consensus_policy,
            now=None,
        )
    except InvalidCertificate as error:
        failed = next(i for i, (_, reasons) in enumerate(_CLAIMS) if error.reason in reasons)
        for claim, _ in _CLAIMS[:failed]:
            yield Finding(claim, True, details[claim])
        yield Finding(_CLAIMS[failed][0], False, f"{error.reason}: {error}")
        for claim, _ in _CLAIMS[failed + 1 :]:
            yield Finding(claim, None)
        return
    for claim, _ in _CLAIMS:
        yield Finding(claim, True, details[claim])


def _details(certificate: Certificate, plan: Plan) -> Mapping[str, str]:
    targets = ", ".join(dict.fromkeys(str(step.target) for step in plan.steps))
    return {
        _PLAN: f"{certificate.plan_digest}; it acts on {targets}",
        _PERIOD: f"issued {certificate.issued_at:%Y-%m-%d %H:%M:%SZ}, until {certificate.expires_at:%H:%M:%SZ}",
        _MEMBERS: ", ".join(member.agent for member in certificate.members),
        _QUORUM: f"{certificate.quorum} of {len(certificate.members)}, {certificate.faults} may be faulty",
        _VOTES: f"{len(certificate.envelopes)} envelopes",
        _ENOUGH: "",
    }


def _named(certificate: Certificate, incident: Incident, agents: Sequence[Agent]) -> Finding:
    for envelope in certificate.envelopes:
        try:
            signed, _ = signed_vote(envelope, agents)
        except InvalidStatement:
            return Finding(_NAMED, None)
        statement = signed.statement
        if statement.incident != incident.key[:MAX_INCIDENT]:
            return Finding(
                _NAMED, False, f"this one reads {incident.key}, agent {statement.agent} signed {statement.incident}"
            )
    return Finding(_NAMED, True, incident.key)


def _about(certificate: Certificate, incident: Incident, agents: Sequence[Agent]) -> Iterator[Finding]:
    """Nothing where no approval names a target, as those of older versions do not."""
    reads, silent, named = incident.spec.about, 0, 0
    for envelope in certificate.envelopes:
        try:
            statement = signed_vote(envelope, agents)[0].statement
        except InvalidStatement:
            yield Finding(_ABOUT, None)
            return
        if statement.target is None:
            silent += 1
        elif statement.target != reads:
            yield Finding(_ABOUT, False, f"it reads {reads}, agent {statement.agent} signed {statement.target}")
            return
        else:
            named += 1
    if named:
        older = f" ({silent} approvals of an older version name none)" if silent else ""
        yield Finding(_ABOUT, True, reads + older)


def _recorded_votes(certificate: Certificate, incident: Incident, agents: Sequence[Agent]) -> Finding:
    claim = "every recorded vote says what its signed envelope says"
    recorded = {vote.envelope for vote in incident.status.consensus.votes}
    unrecorded = sum(envelope not in recorded for envelope in certificate.envelopes)
    if unrecorded:
        return Finding(claim, False, f"{unrecorded} approvals of the certificate are not among the recorded votes")
    for vote in incident.status.consensus.votes:
        try:
            signed, cast = signed_vote(vote.envelope, agents)
        except InvalidStatement as error:
            return Finding(claim, False, f"the vote of {vote.agent}: {error.reason}: {error}")
        statement = signed.statement
        signed_values = {
            "agent": statement.agent,
            "role": statement.role,
            "decision": cast.decision,
            "reason": cast.reason,
            "message": cast.message,
            "at": statement.issued_at,
        }
        for name, value in signed_values.items():
            if getattr(vote, name) != value:
                return Finding(
                    claim,
                    False,
                    f"{name} of the vote of {vote.agent} reads {getattr(vote, name)!s}, signed is {value!s}",
                )
    return Finding(claim, True, f"{len(incident.status.consensus.votes)} votes")


def _round(certificate: Certificate, incident: Incident) -> Finding:
    consensus = incident.status.consensus
    if consensus.decision is not RoundDecision.CERTIFIED:
        return Finding(
            _ROUND, False, f"status.consensus.decision reads {consensus.decision}, and there is a certificate"
        )
    for name in ("round", "plan_digest", "members", "faults", "quorum"):
        shown, certified = getattr(consensus, name), getattr(certificate, name)
        if shown != certified:
            values = "" if name == "members" else f": {shown!s} there, {certified!s} in the certificate"
            return Finding(_ROUND, False, f"{name} of status.consensus differs{values}")
    return Finding(_ROUND, True, f"round {certificate.round}")


def _approval(plan: Plan, incident: Incident) -> Iterator[Finding]:
    acted = [a for a in _attempts(plan, incident) if a.steps]
    approval = incident.spec.approval
    if incident.status.mode != Mode.APPROVE or not acted:
        return
    claim = "a person approved exactly this plan before it was carried out"
    if approval is None:
        yield Finding(claim, False, "spec.approval is empty")
    elif approval.plan_digest != plan.digest or approval.decision != "Approve":
        yield Finding(claim, False, f"spec.approval says {approval.decision} of {approval.plan_digest}")
    else:
        yield Finding(claim, True, f"{approval.approver} (who that is was proven by admission, not by a signature)")


def _execution(certificate: Certificate, plan: Plan, incident: Incident) -> Iterator[Finding]:
    if plan.digest != certificate.plan_digest:
        yield Finding(_CARRIED_OUT, None)
        return
    false = next(contradictions(certificate, plan, incident), None)
    if false is not None:
        yield Finding(_CARRIED_OUT, False, false)
        return
    attempts = incident.status.execution.attempts
    if not attempts:
        yield Finding(_CARRIED_OUT, True, "the record has no attempt and claims none")
    for attempt in attempts:
        told = f"{len(attempt.steps)} steps, {attempt.outcome}"
        if not of_certificate(attempt, certificate):
            told = "not checked, its plan is not in this record any more"
        yield Finding(_CARRIED_OUT, True, f"attempt {attempt.id}: {told}")


def _attempts(plan: Plan, incident: Incident) -> list[Attempt]:
    return [a for a in incident.status.execution.attempts if a.plan_digest == plan.digest]
