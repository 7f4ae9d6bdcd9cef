"""A plan that a guard refuses for now is not put to the vote, and people are told until when."""

from datetime import timedelta

import pytest

from incident_commander.api.conditions import ConditionType, find_condition
from incident_commander.api.incident import Execution, GuardResult, Outcome, Phase
from incident_commander.api.plan import ActionName
from incident_commander.api.policy import Mode
from incident_commander.api.role import Role
from incident_commander.api.statement import Decision, Hold, Proposal, Statement
from incident_commander.coordinator.view import CoordinatorSettings
from tests.unit.coordinator.board import NOW, Board, a_plan, a_step

PATIENCE = CoordinatorSettings().hold_seconds


def later(seconds: float):  # type: ignore[no-untyped-def]
    return NOW + timedelta(seconds=seconds)


def held(board: Board, seconds: float, reason: str = "FreezeWindow", message: str = "") -> Statement:
    said = board.proposed(a_plan())
    assert isinstance(said.body, Proposal)
    words = message or f"freeze window release-night is on until {later(seconds):%H:%M} UTC"
    hold = Hold(guard="freeze", reason=reason, message=words, until=later(seconds))
    return said.model_copy(update={"body": said.body.model_copy(update={"hold": hold})})


def consensus(board: Board) -> tuple[str, str, str]:
    found = find_condition(board.status.conditions, ConditionType.CONSENSUS_REACHED)
    assert found is not None
    return found.status, found.reason, found.message


class TestWaiting:
    def test_until_the_freeze_window_ends(self) -> None:
        board = Board()
        board.step()
        told = board.step(board.diagnosed(), held(board, 600))
        assert (board.status.phase, board.status.consensus.round) == (Phase.PLANNING, 0)
        assert board.status.plan == a_plan()
        assert consensus(board)[:2] == ("False", "FreezeWindow")
        assert "release-night is on until 12:10 UTC" in consensus(board)[2]
        assert "release-night" in board.status.message
        assert [(a.reason, a.warning) for a in told.announcements][-1] == ("FreezeWindow", True)

    def test_is_said_once_and_costs_no_more_writes(self) -> None:
        board = Board()
        board.step()
        board.step(board.diagnosed(), held(board, 600))
        before = board.status
        again = board.step(board.diagnosed(), held(board, 600), now=later(60))
        assert again.status == before
        assert again.announcements == ()

    def test_ends_with_a_vote_once_nothing_stands_in_the_way(self) -> None:
        board = Board()
        board.step()
        board.step(board.diagnosed(), held(board, 600))
        board.step(board.diagnosed(), board.proposed(a_plan()), now=later(601))
        assert (board.status.phase, board.status.consensus.round) == (Phase.VOTING, 1)
        assert consensus(board)[1] == "RoundOpened"

    @pytest.mark.parametrize(
        ("reason", "ends"),
        [
            ("FreezeWindow", (Phase.CLOSED, Outcome.RECOMMENDED, "FreezeWindow")),
            ("Cooldown", (Phase.ESCALATED, Outcome.ESCALATED, "HeldUp")),
        ],
    )
    @pytest.mark.parametrize("from_the_start", [True, False])
    def test_for_too_long_ends_with_people(
        self, reason: str, ends: tuple[Phase, Outcome, str], from_the_start: bool
    ) -> None:
        board = Board()
        board.step()
        seconds = PATIENCE + 1 if from_the_start else PATIENCE - 1
        board.step(board.diagnosed(), held(board, seconds, reason))
        if not from_the_start:
            board.step(board.diagnosed(), held(board, seconds, reason), now=later(PATIENCE))
        resolved = find_condition(board.status.conditions, ConditionType.RESOLVED)
        assert resolved is not None
        assert (board.status.phase, board.status.outcome, resolved.reason) == ends
        assert "release-night is on until" in board.status.message
        assert board.status.plan == a_plan(), "what would have been done is there to be read"

    def test_in_mode_observe_nothing_is_held_back(self) -> None:
        board = Board(mode=Mode.OBSERVE)
        board.step()
        board.step(board.diagnosed(), held(board, 600))
        assert board.status.phase is Phase.VOTING


class TestDeclined:
    def test_what_was_not_proposed_and_why_is_in_the_timeline_once(self) -> None:
        board = Board()
        board.step()
        board.step(board.diagnosed(), board.proposed(a_plan()))
        declined = [e.message for e in board.status.timeline if e.reason == "CandidatesDeclined"]
        assert declined == ["not proposed: none fits"]

    def test_asking_people_instead_says_what_was_not_proposed(self) -> None:
        board = Board()
        board.step()
        board.step(board.diagnosed(), board.proposed(a_plan("ask", a_step(ActionName.ESCALATE))))
        assert board.status.phase is Phase.ESCALATED
        assert board.status.message == "Escalate of web. Not proposed: none fits"

    def test_nothing_left_to_propose_is_escalated_with_the_reason(self) -> None:
        board = Board()
        board.step()
        said = board.proposed()
        assert isinstance(said.body, Proposal)
        why = "restart: OptedOut (Deployment/shop/web is labelled incidentcommander.io/managed=false)"
        board.step(board.diagnosed(), said.model_copy(update={"body": said.body.model_copy(update={"message": why})}))
        assert (board.status.phase, board.status.consensus.round) == (Phase.ESCALATED, 0)
        assert "OptedOut" in board.status.message


class TestWrongTime:
    def test_a_vote_against_the_time_leaves_the_runbook_for_later(self) -> None:
        board = Board()
        board.voting()
        against = board.ballots(3)
        for role in ("resolution", "communication", "verification"):
            against[role] = board.vote(Role(role), Decision.REJECT, reason="FreezeWindow")
        board.step(vote_envelopes=against, now=later(60))
        (past,) = board.status.consensus.history
        assert past.decision == "Stale"
        assert board.status.phase is Phase.PLANNING


class TestExecuting:
    def waiting(self, until: float, reason: str = "FreezeWindow") -> Board:
        board = Board()
        board.voting()
        board.step(vote_envelopes=board.ballots(6), now=later(1))
        assert board.status.phase is Phase.EXECUTING
        guard = GuardResult(guard="freeze", allowed=False, reason=reason, message="freeze window release-night is on")
        execution = Execution(guards=[guard], waiting_until=later(until))
        board.status = board.status.model_copy(update={"execution": execution})
        return board

    def test_what_begins_after_the_vote_and_outlasts_it_is_not_sat_out(self) -> None:
        board = self.waiting(7200)
        board.step(now=later(2))
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.RECOMMENDED)
        assert "release-night" in board.status.message

    def test_what_is_no_freeze_window_is_escalated(self) -> None:
        board = self.waiting(7200, "Cooldown")
        board.step(now=later(2))
        assert (board.status.phase, board.status.outcome) == (Phase.ESCALATED, Outcome.ESCALATED)

    def test_what_passes_in_time_is_waited_for(self) -> None:
        board = self.waiting(60)
        board.step(now=later(2))
        assert board.status.phase is Phase.EXECUTING
