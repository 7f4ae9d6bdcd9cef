"""Who votes, how many may be faulty, how many must agree."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.role import Role
from incident_commander.consensus.membership import members_of, quorum, tolerated_faults
from incident_commander.errors import TooFewAgents
from tests.unit.consensus.council import NOW, YEAR, Council, agent, key, quarantine


class TestQuorum:
    @pytest.mark.parametrize(("n", "f", "q"), [(4, 1, 3), (5, 1, 4), (6, 1, 4), (7, 2, 5), (10, 3, 7), (13, 4, 9)])
    def test_it_is_what_the_design_says(self, n: int, f: int, q: int) -> None:
        assert (tolerated_faults(n), quorum(n)) == (f, q)

    @given(st.integers(4, 400))
    def test_two_quorums_share_an_honest_member_and_the_honest_alone_can_decide(self, n: int) -> None:
        f, q = tolerated_faults(n), quorum(n)
        assert 2 * q - n >= f + 1
        assert n - f >= q

    @given(st.integers(4, 64), st.none() | st.integers(1, 64))
    def test_a_policy_can_only_raise_it(self, n: int, minimum: int | None) -> None:
        assert quorum(n, minimum) == max(quorum(n), minimum or 0)

    @pytest.mark.parametrize("n", [0, 1, 2, 3])
    def test_below_four_members_there_is_none(self, n: int) -> None:
        with pytest.raises(TooFewAgents, match=f"{n} agents") as refused:
            quorum(n)
        assert refused.value.reason == "TooFewAgents"


class TestMembers:
    def test_they_are_sorted_by_name_whatever_the_order_of_the_list(self) -> None:
        agents = Council(6).agents
        assert members_of(agents[::-1], NOW) == members_of(agents, NOW)
        assert [m.agent for m in members_of(agents[::-1], NOW)] == sorted(a.metadata.name for a in agents)

    def test_an_agent_counts_from_not_before_until_just_before_not_after(self) -> None:
        one = [agent(1, Role.DETECTION, key(1).public_key(NOW, NOW + YEAR))]
        tick = timedelta(milliseconds=1)
        assert not members_of(one, NOW - tick)
        assert members_of(one, NOW)
        assert members_of(one, NOW + YEAR - tick)
        assert not members_of(one, NOW + YEAR)

    def test_during_a_rotation_both_keys_of_an_agent_are_its_keys_and_it_is_one_member(self) -> None:
        old = key(1).public_key(NOW - YEAR, NOW + timedelta(days=1))
        new = key(2).public_key(NOW - timedelta(days=1), NOW + YEAR)
        (member,) = members_of([agent(1, Role.DETECTION, old, new)], NOW)
        assert member.key_ids == [old.key_id, new.key_id]

    def test_quarantine_takes_a_vote_away_and_lowers_neither_n_nor_the_quorum(self) -> None:
        agents = Council(6, quarantined=[2]).agents
        members = members_of(agents, NOW)
        assert len(members) == 6
        assert [m.agent for m in members if m.quarantined] == ["agent-02"]

    def test_a_later_quarantine_says_nothing_about_an_audit_of_earlier_times(self) -> None:
        later = [agent(1, Role.DETECTION, quarantined=quarantine(NOW + timedelta(hours=1)))]
        assert not members_of(later, NOW)[0].quarantined
        assert members_of(later, NOW + timedelta(hours=1))[0].quarantined
