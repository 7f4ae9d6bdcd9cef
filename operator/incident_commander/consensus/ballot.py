"""Whether a vote counts in the round that is open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from incident_commander.api.agent import Agent
from incident_commander.api.incident import RecordedVote
from incident_commander.api.statement import Vote
from incident_commander.consensus.envelope import Signed, check_times, open_signed
from incident_commander.consensus.membership import is_quarantined
from incident_commander.consensus.reasons import StatementReason
from incident_commander.errors import InvalidStatement

MAX_VOTE_ENVELOPE = 32_768
"""Characters. Tighter than for statements: each vote stands up to three times in an Incident."""


def accept_vote(
    envelope_text: str,
    agents: Sequence[Agent],
    *,
    incident_uid: str,
    round_: int,
    plan_digest: str,
    now: datetime,
    agent: str | None = None,
) -> RecordedVote:
    """The vote, when it counts for this Incident, round and plan at ``now``.

    ``agent``: the one in whose annotation it stood; another agent's vote does not count from there.
    A replayed vote is one of another Incident, round or plan, or an expired one, and is named so.
    Raises InvalidStatement with the reason.
    """
    signed, vote = signed_vote(envelope_text, agents)
    check_times(signed, now)
    statement = signed.statement
    who = f"the vote of agent {statement.agent}"
    if agent is not None and agent != statement.agent:
        raise InvalidStatement(StatementReason.WRONG_AGENT, f"{who} stands in the annotation of agent {agent}")
    if statement.incident_uid != incident_uid:
        raise InvalidStatement(
            StatementReason.FOREIGN_INCIDENT,
            f"{who} is about Incident {statement.incident} (uid {statement.incident_uid}), not uid {incident_uid}",
        )
    if vote.round != round_:
        raise InvalidStatement(StatementReason.FOREIGN_ROUND, f"{who} is of round {vote.round}, not {round_}")
    if vote.plan_digest != plan_digest:
        raise InvalidStatement(
            StatementReason.FOREIGN_PLAN, f"{who} is about plan {vote.plan_digest}, not {plan_digest}"
        )
    if is_quarantined(signed.agent, now):
        raise InvalidStatement(StatementReason.QUARANTINED, f"agent {statement.agent} is quarantined")
    return RecordedVote(
        agent=statement.agent,
        role=statement.role,
        decision=vote.decision,
        reason=vote.reason,
        message=vote.message,
        at=statement.issued_at,
        envelope=envelope_text,
    )


def signed_vote(envelope_text: str, agents: Sequence[Agent]) -> tuple[Signed, Vote]:
    """A vote whose signature holds, at whatever time. Raises InvalidStatement."""
    signed = open_signed(envelope_text, agents, limit=MAX_VOTE_ENVELOPE)
    body = signed.statement.body
    if not isinstance(body, Vote):
        raise InvalidStatement(
            StatementReason.NOT_A_VOTE, f"agent {signed.statement.agent} put a {body.type} where its vote belongs"
        )
    return signed, body
