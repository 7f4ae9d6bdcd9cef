"""Flip any byte of an exported Incident: the audit finds it, or it is of no consequence."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from incident_commander.api.incident import Consensus, Incident, IncidentStatus, RoundDecision
from incident_commander.api.meta import ObjectMeta
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
