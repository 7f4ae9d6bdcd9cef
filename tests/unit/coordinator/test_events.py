"""Which steps of an Incident are told as Events."""

from __future__ import annotations

from incident_commander.api.incident import (
    Approval,
    Phase,
    StepOutcome,
)
from incident_commander.api.policy import Mode
from incident_commander.api.reasons import Reason
from incident_commander.coordinator.transition import Draft
from tests.unit.coordinator.board import NOW, Board, a_plan, executed, later


class TestEvents:
    def test_one_is_posted_where_an_incident_comes_to_rest(self) -> None:
        board = Board(mode=Mode.APPROVE)
        board.step()
        planned = board.step(board.diagnosed(), board.proposed(a_plan()))
        assert planned.announcements == (), "what the votes come to is told within seconds"
        certified = board.step(vote_envelopes=board.ballots(6), now=later(1))
        assert [a.reason for a in certified.announcements] == ["ApprovalRequired"]
        assert "6 of 6 approve" in certified.announcements[0].message
        reasons = [entry.reason for entry in board.status.timeline]
        assert {"CauseFound", "PlanReady", "QuorumReached", "ApprovalRequired"} <= set(reasons), "nothing is lost"

    def test_the_first_after_acting_says_why_and_who_agreed(self) -> None:
        board = Board()
        board.voting()
        certified = board.step(vote_envelopes=board.ballots(6), now=later(1))
        assert (board.status.phase, certified.announcements) == (Phase.EXECUTING, ())
        executed(board, StepOutcome.APPLIED)
        applied = board.step(now=later(2))
        assert [a.reason for a in applied.announcements] == ["PlanApplied"]
        assert applied.announcements[0].message == "restart web (6/6 approve)"

    def test_none_repeats_what_a_person_has_just_approved(self) -> None:
        board = Board(mode=Mode.APPROVE)
        board.step()
        board.step(board.diagnosed(), board.proposed(a_plan()))
        board.step(vote_envelopes=board.ballots(6), now=later(1))
        digest = board.status.consensus.plan_digest
        approval = Approval(plan_digest=digest, decision="Approve", approver="ann@example.org")
        board.spec = board.spec.model_copy(update={"approval": approval})
        assert board.step(now=later(2)).announcements == ()
        executed(board, StepOutcome.APPLIED)
        assert board.step(now=later(3)).announcements == ()
        assert board.status.phase is Phase.VERIFYING

    def test_what_went_wrong_on_the_way_is_posted_in_any_case(self) -> None:
        draft = Draft(Board().incident, NOW).set(phase=Phase.VOTING)
        draft.tell(Reason.DECLINED, "beware", warning=True).tell(Reason.PLANNED, "fine")
        assert [a.message for a in draft.done().announcements] == ["beware"]
