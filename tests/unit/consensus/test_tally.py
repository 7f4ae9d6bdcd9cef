"""When a round is decided, and when it is still open."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.incident import Member, RecordedVote, RoundDecision
from incident_commander.api.role import Role
from incident_commander.api.statement import Decision
from incident_commander.consensus.membership import quorum
from incident_commander.consensus.tally import Tally, tally
from tests.unit.consensus.council import NOW

ROLES = list(Role)
YES, NO, ABSTAIN = Decision.APPROVE, Decision.REJECT, Decision.ABSTAIN


def members(n: int = 6, quarantined: Sequence[int] = ()) -> list[Member]:
    return [Member(agent=f"a{i}", role=ROLES[i % 6], key_ids=["k"], quarantined=i in quarantined) for i in range(n)]


def cast(number: int, decision: Decision) -> RecordedVote:
    return RecordedVote(
        agent=f"a{number}", role=ROLES[number % 6], decision=decision, reason="r", at=NOW, envelope="{}"
    )


def count(*decisions: Decision, quarantined: Sequence[int] = (), required: Sequence[Role] = ()) -> Tally:
    votes = [cast(i, d) for i, d in enumerate(decisions)]
    return tally(votes, members(quarantined=quarantined), 4, required)


def test_a_quorum_of_approvals_certifies() -> None:
    assert count(YES, YES, YES, YES).decision is RoundDecision.CERTIFIED


def test_one_below_the_quorum_stays_open_and_names_whom_it_waits_for() -> None:
    result = count(YES, YES, YES)
    assert result.decision is RoundDecision.OPEN
    assert result.missing == ("a3", "a4", "a5")
    assert "a5" in result.message


def test_it_is_rejected_as_soon_as_a_quorum_can_no_longer_approve() -> None:
    assert count(NO, NO).decision is RoundDecision.OPEN
    assert count(NO, NO, NO).decision is RoundDecision.REJECTED


def test_an_abstention_is_no_approval() -> None:
    assert count(ABSTAIN, ABSTAIN, ABSTAIN).decision is RoundDecision.REJECTED


def test_a_quorum_of_rejections_rejects() -> None:
    assert count(NO, NO, NO, NO).decision is RoundDecision.REJECTED


def test_two_equal_votes_of_one_agent_count_once() -> None:
    result = tally([cast(0, YES)] * 6, members(), 4)
    assert (result.approvals, result.decision) == (1, RoundDecision.OPEN)


def test_an_agent_that_voted_both_ways_counts_for_neither_and_is_not_waited_for() -> None:
    both = [cast(0, YES), cast(0, NO), cast(0, YES)]
    result = tally([*both, *(cast(i, YES) for i in (1, 2, 3))], members(), 4)
    assert (result.approvals, result.rejections) == (3, 0)
    assert result.missing == ("a4", "a5")


def test_quarantined_members_never_count_and_the_quorum_stays() -> None:
    result = count(YES, YES, YES, YES, quarantined=[0])
    assert (result.approvals, result.decision) == (3, RoundDecision.OPEN)
    assert count(YES, YES, YES, YES, quarantined=[0, 1, 4]).decision is RoundDecision.REJECTED


def test_votes_of_non_members_do_not_count() -> None:
    assert tally([cast(i, YES) for i in range(6, 12)], members(), 4).approvals == 0


def test_a_required_role_that_has_not_voted_keeps_the_round_open() -> None:
    assert count(YES, YES, YES, YES, required=[Role.VERIFICATION]).decision is RoundDecision.OPEN


def test_a_required_role_that_does_not_approve_rejects_whatever_the_others_say() -> None:
    verdict = count(YES, YES, YES, YES, YES, NO, required=[Role.VERIFICATION])
    assert verdict.decision is RoundDecision.REJECTED
    assert "verification" in verdict.message


def test_a_required_role_in_quarantine_rejects() -> None:
    verdict = count(YES, YES, YES, YES, required=[Role.VERIFICATION], quarantined=[5])
    assert verdict.decision is RoundDecision.REJECTED


def test_one_of_several_agents_with_a_required_role_is_enough() -> None:
    seven = members(7)
    votes = [cast(0, NO), *(cast(i, YES) for i in (1, 2, 3, 5, 6))]
    assert tally(votes, seven, 5, [ROLES[0]]).decision is RoundDecision.CERTIFIED


def test_a_quorum_above_n_can_never_be_met_and_says_so() -> None:
    result = tally([], members(), 64)
    assert result.decision is RoundDecision.REJECTED
    assert "cannot be reached" in result.message


@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from(Decision)), max_size=30), st.integers(4, 13))
def test_a_verdict_never_changes_when_those_that_are_missing_vote(votes: list[tuple[int, Decision]], n: int) -> None:
    council = members(n)
    first: dict[int, Decision] = {}
    for number, decision in votes:
        first.setdefault(number, decision)
    seen = [cast(number, decision) for number, decision in first.items()]
    result = tally(seen[:n], council, quorum(n))
    final = tally(seen, council, quorum(n))
    if result.decision is not RoundDecision.OPEN:
        assert final.decision is result.decision
