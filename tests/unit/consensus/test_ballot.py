"""Which votes count in the round that is open."""

from datetime import timedelta

import pytest

from incident_commander.api.statement import Decision, Measurement
from incident_commander.consensus.ballot import MAX_VOTE_ENVELOPE, accept_vote
from incident_commander.consensus.envelope import sign
from incident_commander.consensus.reasons import StatementReason
from incident_commander.errors import InvalidStatement
from tests.unit.consensus.council import NOW, UID, Council, key, plan

COUNCIL = Council(6, quarantined=[5])
PLAN, OTHER = plan(), plan("web:0")


def refusal(envelope: str, *, after: timedelta = timedelta(0), annotation_of: str | None = None) -> str:
    with pytest.raises(InvalidStatement) as refused:
        accept_vote(
            envelope,
            COUNCIL.agents,
            incident_uid=UID,
            round_=1,
            plan_digest=PLAN.digest,
            now=NOW + after,
            agent=annotation_of,
        )
    return refused.value.reason


def test_a_vote_of_this_incident_round_and_plan_counts_with_its_proof() -> None:
    envelope = COUNCIL.vote(0, PLAN, Decision.REJECT, reason="SymptomGone")
    vote = COUNCIL.accept(envelope, PLAN)
    assert (vote.agent, vote.decision, vote.reason, vote.at) == ("agent-00", Decision.REJECT, "SymptomGone", NOW)
    assert vote.envelope == envelope


def test_a_vote_replayed_from_another_incident_does_not_count() -> None:
    assert refusal(COUNCIL.vote(0, PLAN, incident_uid="other")) == StatementReason.FOREIGN_INCIDENT


@pytest.mark.parametrize("round_", [2, 16])
def test_a_vote_replayed_from_another_round_does_not_count(round_: int) -> None:
    assert refusal(COUNCIL.vote(0, PLAN, round_=round_)) == StatementReason.FOREIGN_ROUND


def test_a_vote_on_another_plan_does_not_count() -> None:
    assert refusal(COUNCIL.vote(0, OTHER)) == StatementReason.FOREIGN_PLAN


def test_a_vote_of_a_stranger_does_not_count() -> None:
    assert refusal(COUNCIL.vote(0, PLAN, signer=key(77))) == StatementReason.UNKNOWN_KEY


def test_a_vote_of_a_quarantined_agent_does_not_count() -> None:
    assert refusal(COUNCIL.vote(5, PLAN)) == StatementReason.QUARANTINED


def test_an_expired_vote_does_not_count() -> None:
    assert refusal(COUNCIL.vote(0, PLAN), after=timedelta(minutes=10)) == StatementReason.EXPIRED


def test_a_vote_in_the_annotation_of_another_agent_does_not_count() -> None:
    assert refusal(COUNCIL.vote(0, PLAN), annotation_of="agent-01") == StatementReason.WRONG_AGENT


def test_a_statement_that_is_no_vote_does_not_count() -> None:
    envelope = sign(COUNCIL.statement(0, Measurement(measurable=True)), key(0))
    assert refusal(envelope) == StatementReason.NOT_A_VOTE


def test_a_vote_that_would_bloat_the_incident_does_not_count() -> None:
    assert refusal(COUNCIL.vote(0, PLAN) + " " * MAX_VOTE_ENVELOPE) == StatementReason.TOO_LARGE
