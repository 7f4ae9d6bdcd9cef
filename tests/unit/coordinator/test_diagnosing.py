"""Phases Pending, Diagnosing and Planning: what an Incident needs until its first round."""

from __future__ import annotations

import pytest

from incident_commander.api.agent import Offence
from incident_commander.api.causes import Cause
from incident_commander.api.conditions import ConditionType, find_condition
from incident_commander.api.incident import (
    Outcome,
    Phase,
)
from incident_commander.api.plan import ActionName
from incident_commander.api.policy import Mode
from tests.unit.coordinator.board import Board, a_plan, a_step, later


class TestDiagnosing:
    def test_diagnosis_and_plan_are_recorded_in_one_write(self) -> None:
        board = Board()
        board.voting()
        assert board.status.cause == "AppNotAnswering"
        assert [c.type for c in board.status.conditions if c.status == "True"] == ["Diagnosed", "Planned"]
        assert (board.status.consensus.quorum, board.status.votes) == (4, "0/6")

    def test_the_mode_stands_there_from_the_beginning_also_where_no_policy_matches(self) -> None:
        board, without = Board(mode=Mode.APPROVE), Board(mode=None)
        for one in (board, without):
            one.step()
            assert one.status.phase is Phase.DIAGNOSING
        assert (board.status.mode, board.status.policy) == ("Approve", "shop")
        assert (without.status.mode, without.status.policy) == ("Observe", "")

    def test_a_silent_diagnosis_ends_with_people(self) -> None:
        board = Board()
        board.step()
        waiting = board.step(now=later(30))
        assert waiting.requeue_seconds == 30
        board.step(now=later(60))
        assert (board.status.phase, board.status.outcome) == (Phase.ESCALATED, Outcome.ESCALATED)
        assert "diagnosis agent was silent" in board.status.message

    @pytest.mark.parametrize(("confidence", "cause"), [(59, Cause.CRASH_LOOP), (95, Cause.UNKNOWN)])
    def test_an_unknown_cause_is_never_acted_upon(self, confidence: int, cause: Cause) -> None:
        board = Board()
        board.step()
        said = (board.diagnosed(confidence, cause), board.proposed(a_plan()))
        assert board.step(*said).status.phase is Phase.DIAGNOSING
        board.step(*said, now=later(60))
        assert board.status.phase is Phase.ESCALATED
        assert board.status.hypotheses[0].confidence == confidence

    def test_a_proposal_for_an_earlier_request_does_not_count(self) -> None:
        board = Board()
        board.step()
        board.step(board.diagnosed(), board.proposed(a_plan(), serial=2))
        assert board.status.phase is Phase.DIAGNOSING

    def test_a_plan_of_another_incident_or_with_a_wrong_digest_is_not_taken(self) -> None:
        board = Board()
        board.step()
        foreign = a_plan().model_copy(update={"incident_uid": "u-other"})
        board.step(board.diagnosed(), board.proposed(foreign, a_plan().model_copy(update={"runbook": "other"})))
        assert board.status.phase is Phase.ESCALATED

    def test_escalation_needs_no_votes(self) -> None:
        board = Board()
        board.step()
        board.step(board.diagnosed(), board.proposed(a_plan("ask", a_step(ActionName.ESCALATE))))
        assert (board.status.phase, board.status.consensus.round) == (Phase.ESCALATED, 0)

    def test_a_gitops_target_ends_as_a_recommendation(self) -> None:
        board = Board()
        board.step()
        plan = a_plan(proposal_only=True, proposal_reason="owned by Argo CD application shop")
        board.step(board.diagnosed(), board.proposed(plan))
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.RECOMMENDED)
        assert "Argo CD" in board.status.message

    def test_fewer_than_four_agents_never_decide(self) -> None:
        board = Board()
        board.step()
        board.step(board.diagnosed(), board.proposed(a_plan()), agents=board.agents[:3])
        assert board.status.phase is Phase.ESCALATED
        assert find_condition(board.status.conditions, ConditionType.CONSENSUS_REACHED).reason == "TooFewAgents"  # type: ignore[union-attr]

    def test_a_proposal_outside_of_the_catalogue_quarantines_its_author(self) -> None:
        from incident_commander.consensus.envelope import sign

        board = Board()
        board.step()
        proposal = board.proposed(a_plan())
        transition = board.step(
            board.diagnosed(),
            proposal,
            outside=("the write is not what RestartRollout yields",),
            proposal_envelope=sign(proposal, board.keys["resolution"]),
        )
        assert [(a, q.offence) for a, q in transition.quarantines] == [("resolution", Offence.OUTSIDE_CATALOGUE)]
        assert board.status.phase is Phase.ESCALATED


class TestAnUnknownCause:
    def test_is_told_once(self) -> None:
        board = Board()
        board.step()
        board.step(board.diagnosed(20, Cause.UNKNOWN), now=later(60))
        assert board.status.phase is Phase.ESCALATED
        assert [entry.reason for entry in board.status.timeline].count("CauseUnknown") == 1
