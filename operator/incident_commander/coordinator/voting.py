"""Phases Voting and AwaitingApproval: from a plan to the right to carry it out."""

from __future__ import annotations

from datetime import timedelta

from incident_commander.api.agent import Quarantine
from incident_commander.api.conditions import ConditionType
from incident_commander.api.incident import (
    MOST_ROUNDS,
    ApprovalState,
    Consensus,
    Outcome,
    PastRound,
    Phase,
    RecordedVote,
    RoundDecision,
)
from incident_commander.api.plan import Plan
from incident_commander.api.policy import ConsensusPolicy, Mode
from incident_commander.api.reasons import Reason
from incident_commander.api.statement import Account, Assessment, Decision, Forecast
from incident_commander.consensus import certificate
from incident_commander.consensus.ballot import accept_vote
from incident_commander.consensus.membership import MIN_MEMBERS, members_of, quorum, tolerated_faults
from incident_commander.consensus.suspicion import contradicted, equivocation, suspect
from incident_commander.consensus.tally import Tally, tally
from incident_commander.coordinator.retrying import ask_again
from incident_commander.coordinator.transition import Draft, Transition
from incident_commander.coordinator.view import View
from incident_commander.errors import InvalidStatement
from incident_commander.guards.chain import PASSING


def open_round(view: View, draft: Draft, plan: Plan) -> Transition:
    """Fix the membership and ask for votes on one plan."""
    rules = _rules(view)
    members = members_of(view.agents, view.now)
    if len(members) < MIN_MEMBERS:
        message = f"{len(members)} agents have a valid key, {MIN_MEMBERS} are needed for a quorum"
        draft.condition(ConditionType.CONSENSUS_REACHED, False, Reason.TOO_FEW_AGENTS, message)
        return draft.end(Phase.ESCALATED, Outcome.ESCALATED, Reason.TOO_FEW_AGENTS, message, resolved=False).done()
    before = view.incident.status.consensus
    deadline = view.after(rules.round_seconds)
    consensus = Consensus(
        round=before.round + 1,
        plan_digest=plan.digest,
        members=members,
        faults=tolerated_faults(len(members)),
        quorum=quorum(len(members), rules.min_quorum),
        opened_at=view.now,
        deadline=deadline,
        history=draft.fields.get("consensus", before).history,
    )
    draft.set(
        phase=Phase.VOTING,
        plan=plan,
        consensus=consensus,
        deadline=deadline,
        votes=f"0/{len(members)}",
        mode=view.mode.value,
        policy=view.policy.metadata.name[:256] if view.policy else "",
        message=f"round {consensus.round}: {plan.summary}"[:1024],
    )
    asked = f"round {consensus.round}: {consensus.quorum} of {len(members)} must agree"
    draft.condition(ConditionType.CONSENSUS_REACHED, False, Reason.ROUND_OPENED, asked)
    draft.tell(Reason.ROUND_OPENED, asked, event=False)
    return draft.done(float(rules.round_seconds))


def count(view: View) -> Transition:
    """Voting: verify what stands in the annotations, and decide when it is decided."""
    status = view.incident.status
    consensus = status.consensus
    draft = Draft(view.incident, view.now)
    votes, invalid = _collect(view, draft)
    result = tally(votes, consensus.members, consensus.quorum, _rules(view).required_roles)
    waiting = {m.agent for m in consensus.members} - {v.agent for v in votes}
    if result.decision is RoundDecision.CERTIFIED and waiting and not view.overdue:
        latest = max(vote.at for vote in votes)
        grace = (latest + timedelta(seconds=view.settings.vote_grace_seconds) - view.now).total_seconds()
        if grace > 0:
            return draft.done(min(grace, view.until_deadline()))
    if result.decision is RoundDecision.OPEN and not view.overdue:
        return draft.done(view.until_deadline())
    draft.set(votes=f"{result.approvals}/{len(consensus.members)}")
    story = next((s.body.story for s in view.statements.values() if isinstance(s.body, Account)), None)
    if story is not None:
        draft.set(story=story)
    for body in (statement.body for statement in view.statements.values()):
        if isinstance(body, Assessment):
            draft.set(assessment=body)
        if isinstance(body, Forecast):
            draft.set(forecast=body)
    draft.silent += sorted(waiting - {a for a, _, _ in invalid})
    for agent, reason, message in (*view.invalid, *invalid):
        suspicion = suspect(agent, InvalidStatement(reason, message))
        if suspicion is not None:
            draft.suspicions.append(suspicion)
            draft.tell(Reason.STATEMENT_REFUSED, suspicion.message, warning=True)
    if result.decision is RoundDecision.CERTIFIED and status.plan is not None:
        return _certified(view, draft, status.plan, votes, result)
    return _not_certified(view, draft, votes, result)


def _collect(view: View, draft: Draft) -> tuple[list[RecordedVote], list[tuple[str, str, str]]]:
    """Valid votes of this round, one an agent; two different ones are equivocation and count for nothing."""
    consensus = view.incident.status.consensus
    votes: list[RecordedVote] = []
    invalid: list[tuple[str, str, str]] = []
    for agent, envelope in sorted(view.vote_envelopes.items()):
        offence = offence_in(view, agent, envelope)
        if offence is not None:
            draft.quarantines.append((agent, offence))
            draft.tell(Reason.AGENT_QUARANTINED, f"{agent}: {offence.message}", warning=True)
            continue
        try:
            vote = accept_vote(
                envelope,
                view.agents,
                incident_uid=view.incident.metadata.uid,
                round_=consensus.round,
                plan_digest=consensus.plan_digest,
                now=view.now,
                agent=agent,
            )
        except InvalidStatement as error:
            invalid.append((agent, error.reason, str(error)))
            continue
        votes.append(vote)
    return votes, invalid


def offence_in(view: View, agent: str, envelope: str) -> Quarantine | None:
    """Provable Byzantine behaviour in a vote: two faces in one round, or evidence that the API refutes."""
    for earlier in view.earlier_votes.get(agent, ()):
        proof = equivocation(earlier, envelope, view.agents, view.now)
        if proof is not None:
            return proof
    return contradicted(envelope, view.cited, view.agents, view.now)


def _certified(view: View, draft: Draft, plan: Plan, votes: list[RecordedVote], result: Tally) -> Transition:
    status = view.incident.status
    proof = certificate.issue(
        view.incident.metadata.uid,
        plan,
        status.consensus.round,
        status.consensus.members,
        status.consensus.quorum,
        votes,
        view.now,
        required_roles=[role.value for role in _rules(view).required_roles],
    )
    draft.set(
        consensus=status.consensus.model_copy(
            update={"decision": RoundDecision.CERTIFIED, "votes": votes, "certificate": proof}
        )
    )
    message = f"{result.approvals} of {len(status.consensus.members)} approve, {status.consensus.quorum} were needed"
    draft.condition(ConditionType.CONSENSUS_REACHED, True, Reason.QUORUM_REACHED, message)
    draft.tell(Reason.QUORUM_REACHED, message)
    if view.mode is Mode.AUTO:
        return execute(view, draft, Reason.APPROVED_BY_POLICY, "the policy's mode is Auto")
    if view.mode is Mode.APPROVE:
        seconds = view.policy.spec.approval.expires_after_seconds if view.policy else 0
        deadline = min(view.after(seconds), proof.expires_at)
        draft.set(
            phase=Phase.AWAITING_APPROVAL,
            deadline=deadline,
            approval=ApprovalState(required=True, plan_digest=plan.digest, expires_at=deadline),
            message=f"waiting for a person to approve {plan.digest[:19]}…: {plan.summary}"[:1024],
        )
        draft.condition(ConditionType.APPROVED, False, Reason.APPROVAL_REQUIRED, plan.summary)
        draft.tell(
            Reason.APPROVAL_REQUIRED, f"approve or reject until {deadline:%H:%M:%S} UTC ({message}): {plan.summary}"
        )
        return draft.done(min(float(seconds), view.settings.look_seconds))
    why = "the policy's mode is Observe" if view.policy else "no policy matches, so only a recommendation is made"
    return draft.end(
        Phase.CLOSED, Outcome.RECOMMENDED, Reason.RECOMMENDED, f"{why}: {plan.summary}", resolved=False
    ).done()


def _not_certified(view: View, draft: Draft, votes: list[RecordedVote], result: Tally) -> Transition:
    consensus = view.incident.status.consensus
    rejected = result.decision is RoundDecision.REJECTED
    against = [f"{v.role} ({v.reason})" for v in votes if v.decision is not Decision.APPROVE]
    # The same runbook may be planned anew where its plan is out of date, or came at the wrong time.
    stale = any(v.reason == "PlanStale" or v.reason in PASSING for v in votes if v.decision is Decision.REJECT)
    decision = RoundDecision.STALE if stale else RoundDecision.REJECTED if rejected else RoundDecision.EXPIRED
    detail = f"; not for it: {', '.join(against)}" if against else ""
    message = f"round {consensus.round}: {result.message}{detail}"
    closed = _closed(view, decision, message, result.approvals, result.rejections)
    closed = closed.model_copy(update={"votes": votes})
    draft.set(consensus=closed)
    reason = Reason.PLAN_STALE if stale else Reason.QUORUM_REJECTED if rejected else Reason.QUORUM_NOT_REACHED
    draft.condition(ConditionType.CONSENSUS_REACHED, False, reason, message)
    draft.tell(reason, message, warning=True)
    return ask_again(view, draft, reason, message)


def _closed(view: View, decision: RoundDecision, message: str, approvals: int, rejections: int) -> Consensus:
    """The round as it ended without being carried out, which its history tells, too."""
    status = view.incident.status
    consensus = status.consensus
    past = PastRound(
        round=consensus.round,
        plan_digest=consensus.plan_digest,
        runbook=status.plan.runbook if status.plan else "",
        decision=decision,
        approvals=approvals,
        rejections=rejections,
        message=message[:1024],
    )
    history = [*consensus.history, past][-MOST_ROUNDS:]
    return consensus.model_copy(update={"decision": decision, "history": history})


def await_approval(view: View) -> Transition:
    """AwaitingApproval: only a decision about exactly this plan counts; none in time means no action."""
    incident, status = view.incident, view.incident.status
    draft = Draft(incident, view.now)
    approval = incident.spec.approval
    digest = status.plan.digest if status.plan else ""
    if view.overdue:
        message = "nobody decided in time; nothing was done"
        draft.condition(ConditionType.APPROVED, False, Reason.APPROVAL_EXPIRED, message)
        return draft.end(Phase.ESCALATED, Outcome.EXPIRED, Reason.APPROVAL_EXPIRED, message, resolved=False).done()
    if view.stale:
        return _plan_anew(view, draft)
    if approval is None or approval.plan_digest != digest:
        return draft.done(view.until_deadline(view.settings.look_seconds))
    if status.approval is not None:
        draft.set(approval=status.approval.model_copy(update={"decided_by": approval.approver}))
    said = f": {approval.reason}" if approval.reason else ""
    if approval.decision == "Reject":
        message = f"{approval.approver} rejected the plan{said}"
        draft.condition(ConditionType.APPROVED, False, Reason.REJECTED, message)
        return draft.end(Phase.CLOSED, Outcome.REJECTED, Reason.REJECTED, message, resolved=False).done()
    return execute(view, draft, Reason.APPROVED, f"{approval.approver} approved the plan{said}")


def _plan_anew(view: View, draft: Draft) -> Transition:
    """What waits for a yes is out of date: it would be refused then, so the yes is asked for what fits."""
    decisions = [vote.decision for vote in view.incident.status.consensus.votes]
    approvals, rejections = decisions.count(Decision.APPROVE), decisions.count(Decision.REJECT)
    closed = _closed(view, RoundDecision.OUTDATED, view.stale, approvals, rejections)
    draft.set(consensus=closed.model_copy(update={"certificate": None}), approval=None)
    draft.condition(ConditionType.APPROVED, False, Reason.PLAN_STALE, view.stale)
    draft.tell(Reason.PLAN_STALE, f"{view.stale}; a new plan is asked for", warning=True)
    return ask_again(view, draft, Reason.PLAN_STALE, view.stale)


def execute(view: View, draft: Draft, reason: Reason, message: str) -> Transition:
    """Hand over to the executor."""
    draft.condition(ConditionType.APPROVED, True, reason, message)
    draft.set(phase=Phase.EXECUTING, deadline=view.after(view.settings.execution_seconds), message=message[:1024])
    draft.tell(reason, message)
    return draft.done(float(view.settings.execution_seconds))


def _rules(view: View) -> ConsensusPolicy:
    return view.policy.spec.consensus if view.policy is not None else ConsensusPolicy()
