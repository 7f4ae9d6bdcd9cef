"""A certificate proves a quorum for one plan, or says which of its claims is not so."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from incident_commander.api.agent import Agent
from incident_commander.api.incident import Certificate
from incident_commander.api.plan import Plan
from incident_commander.api.policy import ConsensusPolicy
from incident_commander.api.role import Role
from incident_commander.api.statement import Decision
from incident_commander.consensus.certificate import issue, verify_certificate
from incident_commander.consensus.membership import members_of
from incident_commander.consensus.reasons import CertificateReason
from incident_commander.errors import InvalidCertificate
from tests.unit.consensus.council import NOW, UID, YEAR, Council, agent, key, plan, quarantine

COUNCIL = Council(6)
PLAN = plan()
GOOD = COUNCIL.certificate(PLAN)
TICK = timedelta(milliseconds=1)


def verify(
    certificate: Certificate = GOOD,
    *,
    of: Plan = PLAN,
    uid: str = UID,
    agents: Sequence[Agent] = COUNCIL.agents,
    policy: ConsensusPolicy | None = None,
    now: datetime | None = NOW,
) -> None:
    verify_certificate(certificate, plan=of, incident_uid=uid, agents=agents, consensus_policy=policy, now=now)


def refusal(certificate: Certificate = GOOD, **arguments: Any) -> str:
    with pytest.raises(InvalidCertificate) as refused:
        verify(certificate, **arguments)
    return refused.value.reason


def changed(**fields: Any) -> Certificate:
    return GOOD.model_copy(update=fields)


def with_agent(number: int, replacement: Agent) -> list[Agent]:
    return [replacement if n == number else a for n, a in enumerate(COUNCIL.agents)]


class TestAGoodCertificate:
    def test_verifies_now_and_after_a_trip_through_the_api_server(self) -> None:
        verify(Certificate.model_validate(GOOD.to_json()))

    def test_verifies_with_just_the_quorum(self) -> None:
        verify(COUNCIL.certificate(PLAN, range(4)))

    def test_holds_only_approvals(self) -> None:
        votes = [COUNCIL.accept(COUNCIL.vote(n, PLAN), PLAN) for n in range(4)]
        votes.append(COUNCIL.accept(COUNCIL.vote(4, PLAN, Decision.REJECT), PLAN))
        made = issue(UID, PLAN, 1, members_of(COUNCIL.agents, NOW), 4, votes, NOW, required_roles=())
        assert len(made.envelopes) == 4
        verify(made)

    def test_is_audited_as_of_its_issue_however_long_ago_that_was(self) -> None:
        assert refusal(now=NOW + YEAR) == CertificateReason.EXPIRED
        verify(now=None)

    def test_is_audited_without_regard_to_a_later_quarantine(self) -> None:
        later = [
            a.model_copy(update={"status": a.status.model_copy(update={"quarantine": quarantine(NOW + YEAR)})})
            for a in COUNCIL.agents
        ]
        verify(agents=later, now=None)


class TestIssuing:
    def test_below_the_quorum_there_is_none(self) -> None:
        with pytest.raises(InvalidCertificate) as refused:
            COUNCIL.certificate(PLAN, range(3))
        assert refused.value.reason == CertificateReason.QUORUM_NOT_REACHED

    def test_without_a_required_role_there_is_none(self) -> None:
        with pytest.raises(InvalidCertificate) as refused:
            COUNCIL.certificate(PLAN, range(5), required_roles=[Role.VERIFICATION])
        assert refused.value.reason == CertificateReason.REQUIRED_ROLE_MISSING

    def test_an_agent_cannot_shorten_it_by_voting_for_a_second_only(self) -> None:
        brief = COUNCIL.vote(0, PLAN, expires_at=NOW + timedelta(seconds=1))
        envelopes = [brief, *(COUNCIL.vote(n, PLAN) for n in range(1, 6))]
        votes = [COUNCIL.accept(envelope, PLAN) for envelope in envelopes]
        made = issue(UID, PLAN, 1, members_of(COUNCIL.agents, NOW), 4, votes, NOW, required_roles=())
        assert made.expires_at == NOW + timedelta(minutes=10)
        assert brief not in made.envelopes
        verify(made, now=NOW + timedelta(minutes=5))

    def test_votes_that_were_cast_within_a_minute_of_one_another_go_in_together(self) -> None:
        cast = [COUNCIL.vote(n, PLAN, expires_at=NOW + timedelta(minutes=9, seconds=10 * n)) for n in range(6)]
        votes = [COUNCIL.accept(envelope, PLAN) for envelope in cast]
        made = issue(UID, PLAN, 1, members_of(COUNCIL.agents, NOW), 4, votes, NOW, required_roles=())
        assert made.envelopes == cast
        assert made.expires_at == NOW + timedelta(minutes=9)
        verify(made)

    def test_a_required_role_is_never_left_out_for_expiring_first(self) -> None:
        early = COUNCIL.vote(0, PLAN, expires_at=NOW + timedelta(minutes=1))
        votes = [COUNCIL.accept(e, PLAN) for e in (early, *(COUNCIL.vote(n, PLAN) for n in range(1, 6)))]
        made = issue(UID, PLAN, 1, members_of(COUNCIL.agents, NOW), 4, votes, NOW, required_roles=[Role.DETECTION])
        assert made.expires_at == NOW + timedelta(minutes=1)
        verify(made, policy=ConsensusPolicy(required_roles=[Role.DETECTION]))


class TestTheSubject:
    def test_is_this_incident(self) -> None:
        assert refusal(uid="other") == CertificateReason.FOREIGN_INCIDENT
        assert refusal(changed(incident_uid="other")) == CertificateReason.FOREIGN_INCIDENT
        assert refusal(of=plan(incident_uid="other")) == CertificateReason.FOREIGN_INCIDENT

    def test_is_this_plan_as_recomputed_not_as_it_calls_itself(self) -> None:
        assert refusal(of=plan("web:0")) == CertificateReason.FOREIGN_PLAN
        forged = plan("web:0").model_copy(update={"digest": PLAN.digest})
        assert refusal(of=forged) == CertificateReason.FOREIGN_PLAN
        assert refusal(of=PLAN.model_copy(update={"digest": ""})) == CertificateReason.FOREIGN_PLAN

    def test_is_this_round(self) -> None:
        assert refusal(changed(round=2)) == CertificateReason.BAD_ENVELOPE


class TestTime:
    def test_it_counts_until_just_before_it_expires(self) -> None:
        ten = timedelta(minutes=10)
        verify(now=NOW + ten - TICK)
        assert refusal(now=NOW + ten) == CertificateReason.EXPIRED

    def test_it_was_not_issued_in_the_future(self) -> None:
        assert refusal(now=NOW - timedelta(seconds=31)) == CertificateReason.FROM_THE_FUTURE

    @pytest.mark.parametrize("shift", [timedelta(hours=5), -timedelta(minutes=5)])
    def test_its_expiry_is_that_of_its_votes(self, shift: timedelta) -> None:
        assert refusal(changed(expires_at=GOOD.expires_at + shift)) == CertificateReason.WRONG_EXPIRY


class TestMembers:
    def test_a_smaller_membership_with_a_smaller_quorum_is_refused(self) -> None:
        small = changed(members=GOOD.members[:4], faults=1, quorum=3, envelopes=GOOD.envelopes[:3])
        assert refusal(small) == CertificateReason.MEMBERSHIP

    def test_an_invented_member_is_refused(self) -> None:
        invented = GOOD.members[0].model_copy(update={"agent": "agent-99"})
        assert refusal(changed(members=[*GOOD.members, invented])) == CertificateReason.MEMBERSHIP

    def test_a_member_named_twice_is_refused(self) -> None:
        assert refusal(changed(members=[*GOOD.members, GOOD.members[0]])) == CertificateReason.MEMBERSHIP

    def test_a_changed_role_is_refused(self) -> None:
        other = GOOD.members[0].model_copy(update={"role": "diagnosis"})
        assert refusal(changed(members=[other, *GOOD.members[1:]])) == CertificateReason.MEMBERSHIP

    def test_keys_that_no_agent_resource_lists_are_refused(self) -> None:
        other = GOOD.members[5].model_copy(update={"key_ids": ["f" * 64]})
        assert refusal(changed(members=[*GOOD.members[:5], other])) == CertificateReason.MEMBERSHIP

    def test_an_agent_installed_since_needs_a_new_round(self) -> None:
        assert refusal(agents=Council(7).agents) == CertificateReason.MEMBERSHIP

    def test_three_agents_never_suffice(self) -> None:
        three = changed(members=GOOD.members[:3], faults=0, quorum=2)
        assert refusal(three, agents=COUNCIL.agents[:3]) == CertificateReason.TOO_FEW_AGENTS

    def test_two_agents_of_one_name_are_refused(self) -> None:
        assert refusal(agents=[*COUNCIL.agents, COUNCIL.agents[0]]) == CertificateReason.DUPLICATE_AGENT

    def test_a_key_added_for_rotation_while_the_round_is_open_changes_nothing(self) -> None:
        both = [key(0).public_key(NOW - YEAR, NOW + YEAR), key(50).public_key(NOW, NOW + YEAR)]
        verify(agents=with_agent(0, agent(0, Role.DETECTION, *both)))

    def test_a_vote_signed_with_a_key_that_was_added_after_the_round_was_opened_does_not_count(self) -> None:
        both = [key(0).public_key(NOW - YEAR, NOW + YEAR), key(50).public_key(NOW, NOW + YEAR)]
        agents = with_agent(0, agent(0, Role.DETECTION, *both))
        council = Council(6)
        council.agents = agents
        late = council.vote(0, PLAN, signer=key(50))
        sneaked = changed(envelopes=[late, *COUNCIL.certificate(PLAN, [1, 2, 3, 4]).envelopes[:3]])
        assert refusal(sneaked, agents=agents) == CertificateReason.QUORUM_NOT_REACHED


class TestQuorum:
    def test_faults_are_recomputed(self) -> None:
        assert refusal(changed(faults=2)) == CertificateReason.FAULTS

    def test_a_lower_quorum_is_refused(self) -> None:
        assert refusal(changed(quorum=3, envelopes=GOOD.envelopes[:3])) == CertificateReason.QUORUM_TOO_LOW

    def test_the_policy_may_ask_for_more_and_not_for_less(self) -> None:
        assert refusal(policy=ConsensusPolicy(min_quorum=6)) == CertificateReason.QUORUM_TOO_LOW
        verify(COUNCIL.certificate(PLAN, minimum=6), policy=ConsensusPolicy(min_quorum=6))
        less = changed(quorum=3)
        assert refusal(less, policy=ConsensusPolicy(min_quorum=1)) == CertificateReason.QUORUM_TOO_LOW

    def test_required_roles_are_among_the_approvers(self) -> None:
        policy = ConsensusPolicy(required_roles=[Role.VERIFICATION])
        verify(policy=policy)
        assert refusal(COUNCIL.certificate(PLAN, range(5)), policy=policy) == CertificateReason.REQUIRED_ROLE_MISSING

    def test_a_vote_too_few_is_refused(self) -> None:
        assert refusal(changed(envelopes=GOOD.envelopes[:3])) == CertificateReason.QUORUM_NOT_REACHED

    def test_one_vote_four_times_is_one_vote(self) -> None:
        assert refusal(changed(envelopes=GOOD.envelopes[:1] * 4)) == CertificateReason.DUPLICATE_VOTE

    def test_two_votes_of_one_agent_are_one_vote(self) -> None:
        again = COUNCIL.vote(0, PLAN, reason="AnotherText")
        assert refusal(changed(envelopes=[*GOOD.envelopes[:3], again])) == CertificateReason.DUPLICATE_VOTE

    def test_no_votes_at_all_are_refused(self) -> None:
        assert refusal(changed(envelopes=[])) == CertificateReason.WRONG_EXPIRY
        assert refusal(changed(envelopes=[], quorum=0)) == CertificateReason.QUORUM_TOO_LOW

    def test_quarantine_since_takes_that_vote_away_and_a_quorum_without_it_still_counts(self) -> None:
        def barred(count: int) -> list[Agent]:
            return Council(6, quarantined=range(count)).agents

        verify(agents=barred(2))
        assert refusal(agents=barred(3)) == CertificateReason.QUORUM_NOT_REACHED

    def test_members_that_it_calls_quarantined_do_not_count(self) -> None:
        called = [m.model_copy(update={"quarantined": True}) for m in GOOD.members[:3]]
        assert refusal(changed(members=[*called, *GOOD.members[3:]])) == CertificateReason.QUORUM_NOT_REACHED

    def test_a_key_that_ran_out_since_takes_that_vote_away(self) -> None:
        keys = [key(0).public_key(NOW - YEAR, NOW + timedelta(minutes=1)), key(50).public_key(NOW - YEAR, NOW + YEAR)]
        council = Council(6)
        council.agents = with_agent(0, agent(0, Role.DETECTION, *keys))
        four = council.certificate(PLAN, range(4))
        verify(four, agents=council.agents)
        later = NOW + timedelta(minutes=2)
        assert refusal(four, agents=council.agents, now=later) == CertificateReason.QUORUM_NOT_REACHED
        verify(council.certificate(PLAN), agents=council.agents, now=later)


class TestEnvelopes:
    @pytest.mark.parametrize(
        "forged",
        [
            "{}",
            COUNCIL.vote(3, PLAN, signer=key(4)),
            COUNCIL.vote(3, PLAN, incident_uid="other"),
            COUNCIL.vote(3, PLAN, round_=2),
            COUNCIL.vote(3, plan("web:0")),
            COUNCIL.vote(3, PLAN, issued_at=NOW + timedelta(minutes=1)),
        ],
        ids=["garbage", "forged", "foreign", "replayed", "other plan", "future"],
    )
    def test_one_that_is_false_spoils_the_certificate_even_beside_a_quorum(self, forged: str) -> None:
        spoiled = changed(envelopes=[*GOOD.envelopes[:3], *GOOD.envelopes[4:], forged])
        assert refusal(spoiled) == CertificateReason.BAD_ENVELOPE

    def test_a_rejection_is_no_approval(self) -> None:
        spoiled = changed(envelopes=[*GOOD.envelopes[:5], COUNCIL.vote(5, PLAN, Decision.REJECT)])
        assert refusal(spoiled) == CertificateReason.NOT_AN_APPROVAL

    def test_the_one_that_is_false_is_named(self) -> None:
        with pytest.raises(InvalidCertificate, match=r"envelope 2: .*agent-02"):
            verify(changed(envelopes=[*GOOD.envelopes[:2], COUNCIL.vote(2, PLAN, round_=9), *GOOD.envelopes[3:]]))
