"""Flip any byte of an exported Incident: the audit finds it, or it is of no consequence."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from incident_commander.api.incident import Consensus, Incident, IncidentStatus, RecordedVote, RoundDecision
from incident_commander.api.meta import ObjectMeta
from incident_commander.api.statement import Decision
from incident_commander.consensus.audit import audit
from incident_commander.consensus.canonical import canonical_text
from incident_commander.consensus.membership import members_of
from tests.unit.consensus.council import NOW, UID, Council, plan

COUNCIL = Council(4)
PLAN = plan(summary="Back to web:1")
GOOD = Incident(
    metadata=ObjectMeta(name="web-crash", namespace="shop", uid=UID),
    status=IncidentStatus(
        plan=PLAN,
        consensus=Consensus(
            round=1,
            plan_digest=PLAN.digest,
            members=members_of(COUNCIL.agents, NOW),
            faults=1,
            quorum=3,
            decision=RoundDecision.CERTIFIED,
            votes=[COUNCIL.accept(COUNCIL.vote(n, PLAN), PLAN) for n in range(4)],
            certificate=COUNCIL.certificate(PLAN),
        ),
    ),
)
TEXT = canonical_text(GOOD.to_json())


def verified(incident: Incident) -> bool:
    return all(finding.holds for finding in audit(incident, COUNCIL.agents, None))


def what_counts(incident: Incident) -> object:
    """Everything that an audit vouches for. Free: prose, and when exactly the certificate was made."""
    status = incident.status
    consensus, certificate = status.consensus, status.consensus.certificate
    assert status.plan is not None
    assert certificate is not None
    return (
        status.plan.model_copy(update={"summary": ""}),
        consensus.round,
        consensus.members,
        consensus.votes,
        certificate.model_copy(update={"issued_at": NOW}),
    )


def test_the_record_itself_is_verified() -> None:
    assert verified(GOOD)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.sampled_from([1, 2, 4, 8, 16, 32]))
def test_no_flipped_byte_of_anything_that_counts_is_verified(position: int, bit: int) -> None:
    text = TEXT[:position] + chr(ord(TEXT[position]) ^ bit) + TEXT[position + 1 :]
    try:
        changed = Incident.model_validate(json.loads(text))
    except (ValueError, ValidationError):
        return
    if verified(changed):
        assert what_counts(changed) == what_counts(GOOD)


def with_votes(votes: list[RecordedVote]) -> Incident:
    consensus = GOOD.status.consensus.model_copy(update={"votes": votes})
    return GOOD.model_copy(update={"status": GOOD.status.model_copy(update={"consensus": consensus})})


def false_claims(incident: Incident) -> list[str]:
    return [f.detail for f in audit(incident, COUNCIL.agents, None) if f.holds is False]


def test_votes_of_the_certificate_that_are_not_recorded_are_missed() -> None:
    (said,) = false_claims(with_votes(GOOD.status.consensus.votes[2:]))
    assert "2 approvals of the certificate are not among the recorded votes" in said


def test_a_recorded_vote_that_says_something_else_than_was_signed_is_found() -> None:
    first, *rest = GOOD.status.consensus.votes
    for changes in ({"decision": Decision.REJECT}, {"reason": "x"}, {"message": "x"}, {"agent": "agent-03"}):
        (said,) = false_claims(with_votes([first.model_copy(update=changes), *rest]))
        assert next(iter(changes)) in said
