"""What proves that an agent is Byzantine, and what only looks bad.

Quarantine takes the vote of an agent away until a person gives it back, so it needs a proof: something that
only the holder of the agent's private key can have made. Equivocation, contradicted evidence and a proposal
outside of the catalogue are proven by envelopes that verify under the agent's key.

A *bad signature proves nothing about the agent it names*: whoever may write an annotation of the Incident
can put garbage there. With the admission policies installed only the agent's ServiceAccount may; without
them, or from the hands of an administrator, anybody could silence an honest agent by forging in its name,
one after the other until no quorum is left. So a bad signature raises ``suspicion`` and an Event,
the envelope does not count, and no vote is taken away by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from incident_commander.api.agent import Agent, Offence, Quarantine
from incident_commander.api.statement import Proposal, Vote
from incident_commander.consensus.ballot import signed_vote
from incident_commander.consensus.citation import contradiction
from incident_commander.consensus.envelope import Signed, key_counts, open_signed
from incident_commander.consensus.reasons import StatementReason
from incident_commander.errors import InvalidStatement
from incident_commander.ports import Object

_SUSPECT = frozenset(
    {
        StatementReason.TOO_LARGE,
        StatementReason.MALFORMED_ENVELOPE,
        StatementReason.WRONG_PAYLOAD_TYPE,
        StatementReason.SIGNATURE_COUNT,
        StatementReason.UNKNOWN_KEY,
        StatementReason.BAD_SIGNATURE,
        StatementReason.NOT_CANONICAL,
        StatementReason.MALFORMED_STATEMENT,
        StatementReason.WRONG_AGENT,
        StatementReason.WRONG_ROLE,
    }
)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something in an agent's annotation that an honest agent would not have written, by whomever."""

    agent: str
    offence: Offence
    message: str


def suspect(agent: str, error: InvalidStatement) -> Suspicion | None:
    """Whether a refused text in the annotations of ``agent`` is suspicious, or merely late or of another round."""
    if error.reason not in _SUSPECT:
        return None
    return Suspicion(
        agent, Offence.BAD_SIGNATURE, f"the annotation of agent {agent} does not verify ({error.reason}): {error}"
    )


def equivocation(envelope_a: str, envelope_b: str, agents: Sequence[Agent], now: datetime) -> Quarantine | None:
    """Two votes of one agent in one round that differ in decision or plan. None when they prove nothing.

    Expiry does not matter to a proof, but the keys must count both when the votes were issued and now: a key that
    leaked after it was retired cannot be used to frame its former owner.
    """
    first, second = _vote(envelope_a, agents, now), _vote(envelope_b, agents, now)
    if first is None or second is None:
        return None
    (signed_a, vote_a), (signed_b, vote_b) = first, second
    a, b = signed_a.statement, signed_b.statement
    if (a.agent, a.incident_uid, vote_a.round) != (b.agent, b.incident_uid, vote_b.round):
        return None
    if (vote_a.decision, vote_a.plan_digest) == (vote_b.decision, vote_b.plan_digest):
        return None
    return Quarantine(
        offence=Offence.EQUIVOCATION,
        incident=a.incident,
        since=now,
        message=f"agent {a.agent} signed two votes in round {vote_a.round}: {vote_a.decision} of "
        f"{vote_a.plan_digest} and {vote_b.decision} of {vote_b.plan_digest}"[:1024],
        proof=[envelope_a, envelope_b],
    )


def contradicted(
    envelope: str, objects: Mapping[str, Object], agents: Sequence[Agent], now: datetime
) -> Quarantine | None:
    """A vote that cites what the API server refutes.

    ``objects`` by reference, as the API server has them now; citations of others prove nothing (see ``citation``).
    """
    opened = _vote(envelope, agents, now)
    if opened is None:
        return None
    signed, vote = opened
    for cited in vote.evidence:
        wrong = contradiction(cited, objects)
        if wrong is not None:
            return Quarantine(
                offence=Offence.CONTRADICTED_EVIDENCE,
                incident=signed.statement.incident,
                since=now,
                message=f"agent {signed.statement.agent} cites what is not so: {wrong}"[:1024],
                proof=[envelope],
            )
    return None


def outside_catalogue(
    envelope: str, differences: Sequence[str], agents: Sequence[Agent], now: datetime
) -> Quarantine | None:
    """A proposal with a step that the catalogue's action does not yield.

    ``differences``: what the caller found by recomputing the steps *with the objects unchanged* (same UID, same
    generation, same pre-image); when an object moved on meanwhile there is no proof, and the list must be empty.
    """
    if not differences:
        return None
    try:
        signed = open_signed(envelope, agents)
    except InvalidStatement:
        return None
    if not isinstance(signed.statement.body, Proposal) or not _key_proves(signed, now):
        return None
    return Quarantine(
        offence=Offence.OUTSIDE_CATALOGUE,
        incident=signed.statement.incident,
        since=now,
        message=f"agent {signed.statement.agent} proposes what no action yields: {'; '.join(differences)}"[:1024],
        proof=[envelope],
    )


def _vote(envelope: str, agents: Sequence[Agent], now: datetime) -> tuple[Signed, Vote] | None:
    try:
        signed, vote = signed_vote(envelope, agents)
    except InvalidStatement:
        return None
    return (signed, vote) if _key_proves(signed, now) else None


def _key_proves(signed: Signed, now: datetime) -> bool:
    return key_counts(signed.key, signed.statement.issued_at) and key_counts(signed.key, now)
