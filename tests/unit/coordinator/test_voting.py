"""Phases Voting and AwaitingApproval: who has to agree before anything is done."""

from __future__ import annotations

import pytest

from incident_commander.api.agent import Offence
from incident_commander.api.incident import (
    MOST_ROUNDS,
    Approval,
    Outcome,
    Phase,
    RoundDecision,
)
from incident_commander.api.plan import ActionName, Plan
from incident_commander.api.policy import Mode
from incident_commander.api.role import Role
from incident_commander.api.statement import AlertState, Assessment, Decision, Forecast, Severity
from incident_commander.coordinator.view import TargetState
from tests.unit.coordinator.board import TARGET, Board, a_plan, a_step, later


class TestVoting:
    def test_a_quorum_in_auto_mode_goes_to_the_executor_with_a_certificate(self) -> None:
        board = Board()
        plan = board.voting()
        board.step(vote_envelopes=board.ballots(6))
        assert board.status.phase is Phase.EXECUTING
        certificate = board.status.consensus.certificate
        assert certificate is not None
        assert (certificate.plan_digest, len(certificate.envelopes)) == (plan.digest, 6)

    def test_three_of_six_is_not_a_quorum(self) -> None:
        board = Board()
        board.voting()
        assert board.step(vote_envelopes=board.ballots(3)).status.phase is Phase.VOTING
        assert board.step(vote_envelopes=board.ballots(3), now=later(60)).status.phase is Phase.PLANNING
        assert board.status.consensus.history[0].decision is RoundDecision.EXPIRED

    def test_a_plan_that_met_with_silence_is_put_again_though_people_come_next(self) -> None:
        board, plan, people = Board(), a_plan("a"), a_plan("ask-people", a_step(ActionName.ESCALATE))
        board.step()
        board.step(board.diagnosed(), board.proposed(plan, people))
        board.step(board.proposed(plan, people), vote_envelopes=board.ballots(3), now=later(60))
        assert board.status.phase is Phase.PLANNING
        board.step(board.proposed(plan, people), now=later(61))
        assert (board.status.phase, board.status.consensus.round) == (Phase.VOTING, 2)
        assert board.status.consensus.plan_digest == plan.digest

    def test_a_second_silence_hands_over_to_people_where_they_come_next(self) -> None:
        board, plan, people = Board(), a_plan("a"), a_plan("ask-people", a_step(ActionName.ESCALATE))
        board.step()
        board.step(board.diagnosed(), board.proposed(plan, people))
        for minute in (1, 2):
            board.step(board.proposed(plan, people), vote_envelopes=board.ballots(3), now=later(60 * minute))
            board.step(board.proposed(plan, people), now=later(60 * minute))
        assert board.status.phase is Phase.ESCALATED

    def test_dissent_is_waited_for_a_moment_and_recorded(self) -> None:
        board = Board()
        board.voting()
        early = board.step(vote_envelopes=board.ballots(4), now=later(0.1))
        assert board.status.phase is Phase.VOTING
        assert early.requeue_seconds == pytest.approx(0.4)
        board.step(vote_envelopes=board.ballots(4, reject=2), now=later(0.2))
        assert [v.decision for v in board.status.consensus.votes].count(Decision.REJECT) == 2
        assert board.status.votes == "4/6"

    def test_a_rejected_plan_asks_for_the_next_one_until_the_rounds_are_used_up(self) -> None:
        board = Board()
        for round_, runbook in enumerate(("a", "b", "c"), 1):
            if round_ == 1:
                board.voting(a_plan(runbook))
            else:
                board.step(board.proposed(a_plan(runbook)))
            assert board.status.consensus.round == round_
            board.step(vote_envelopes=board.ballots(2, reject=4))
        assert board.status.phase is Phase.ESCALATED
        assert [p.runbook for p in board.status.consensus.history] == ["a", "b", "c"]

    def test_a_rejected_plan_is_not_put_to_the_vote_again(self) -> None:
        board = Board()
        plan = board.voting()
        board.step(vote_envelopes=board.ballots(0, reject=6))
        board.step(board.proposed(plan))
        assert board.status.phase is Phase.ESCALATED

    def test_two_faces_in_one_round_are_quarantined_and_count_for_nothing(self) -> None:
        board = Board()
        board.voting()
        votes = board.ballots(4, reject=2)
        earlier = {"detection": (board.vote(Role.DETECTION, Decision.REJECT),)}
        transition = board.step(vote_envelopes=votes, earlier_votes=earlier)
        assert [(a, q.offence) for a, q in transition.quarantines] == [("detection", Offence.EQUIVOCATION)]
        assert board.status.phase is not Phase.EXECUTING

    def test_votes_of_another_round_or_plan_do_not_count(self) -> None:
        board = Board()
        board.voting()
        board.step(vote_envelopes=board.ballots(6, round=2))
        board.step(vote_envelopes=board.ballots(6, plan_digest="sha256:" + "0" * 64))
        assert board.status.phase is Phase.VOTING

    def test_a_text_that_nobody_known_signed_is_held_against_the_annotation_and_takes_no_vote_away(self) -> None:
        board = Board()
        board.voting()
        votes = board.ballots(5) | {"verification": board.vote(Role.VERIFICATION, Decision.REJECT)[:-20] + '"x"}]}'}
        transition = board.step(vote_envelopes=votes, now=later(1))
        assert [s.agent for s in transition.suspicions] == ["verification"]
        assert (transition.quarantines, board.status.phase) == ((), Phase.EXECUTING)

    def test_votes_of_an_earlier_round_raise_no_suspicion(self) -> None:
        board = Board()
        board.voting()
        votes = board.ballots(5) | {"verification": board.vote(Role.VERIFICATION, Decision.REJECT, round=9)}
        transition = board.step(vote_envelopes=votes, now=later(1))
        assert (transition.suspicions, transition.silent) == ((), ())

    def test_silence_is_counted_when_the_round_is_over(self) -> None:
        board = Board()
        board.voting()
        assert board.step(vote_envelopes=board.ballots(5), now=later(1)).silent == ("verification",)

    def test_a_vote_in_the_annotation_of_another_agent_does_not_count(self) -> None:
        board = Board()
        board.voting()
        votes = board.ballots(3)
        votes["verification"] = votes["detection"]
        board.step(vote_envelopes=votes)
        assert board.status.phase is Phase.VOTING

    @pytest.mark.parametrize("mode", [Mode.OBSERVE, None])
    def test_observe_and_no_policy_only_recommend(self, mode: Mode | None) -> None:
        board = Board(mode=mode)
        board.voting()
        board.step(vote_envelopes=board.ballots(6))
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.RECOMMENDED)

    def test_a_required_role_that_rejects_stops_a_quorum(self) -> None:
        board = Board(policy_values={"consensus": {"requiredRoles": ["communication"], "maxRounds": 1}})
        board.voting()
        votes = {r.value: board.vote(r, Decision.APPROVE) for r in Role if r is not Role.COMMUNICATION}
        votes["communication"] = board.vote(Role.COMMUNICATION, Decision.REJECT, reason="FreezeWindow")
        board.step(vote_envelopes=votes)
        assert board.status.phase is Phase.ESCALATED
        assert "FreezeWindow" in board.status.message


def planned_at(generation: int) -> Plan:
    """The plan for the target at another generation."""
    target = TARGET.model_copy(update={"generation": generation})
    return a_plan("restart", a_step().model_copy(update={"target": target}))


class TestApproval:
    def waiting(self) -> tuple[Board, str]:
        board = Board(mode=Mode.APPROVE)
        plan = board.voting()
        board.step(vote_envelopes=board.ballots(6))
        assert board.status.phase is Phase.AWAITING_APPROVAL
        return board, plan.digest

    def decide(self, board: Board, digest: str, decision: str) -> None:
        approval = Approval(plan_digest=digest, decision=decision, approver="ann@example.org")
        board.spec = board.spec.model_copy(update={"approval": approval})

    def test_approval_of_exactly_this_plan_executes_it(self) -> None:
        board, digest = self.waiting()
        self.decide(board, digest, "Approve")
        board.step()
        assert board.status.phase is Phase.EXECUTING
        assert board.status.approval is not None
        assert board.status.approval.decided_by == "ann@example.org"

    def test_while_a_person_is_waited_for_the_target_is_looked_at_now_and_then(self) -> None:
        board = Board(mode=Mode.APPROVE)
        board.voting()
        assert (board.step(vote_envelopes=board.ballots(6)).requeue_seconds or 900) <= 15
        assert (board.step().requeue_seconds or 900) <= 15

    def test_a_target_that_was_deleted_is_waited_for_no_more(self) -> None:
        board, _ = self.waiting()
        board.step(target=TargetState.MISSING)
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.INCONCLUSIVE)
        assert board.status.message == "the target was deleted meanwhile; nothing was changed"

    def test_approval_of_another_plan_is_not_approval(self) -> None:
        board, _ = self.waiting()
        self.decide(board, "sha256:" + "1" * 64, "Approve")
        board.step()
        assert board.status.phase is Phase.AWAITING_APPROVAL

    def test_rejection_ends_it(self) -> None:
        board, digest = self.waiting()
        self.decide(board, digest, "Reject")
        board.step()
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.REJECTED)

    def test_an_approval_that_comes_too_late_does_nothing(self) -> None:
        board, digest = self.waiting()
        self.decide(board, digest, "Approve")
        assert board.status.deadline is not None
        board.step(now=board.status.deadline)
        assert (board.status.phase, board.status.outcome) == (Phase.ESCALATED, Outcome.EXPIRED)

    def test_a_plan_that_is_out_of_date_is_planned_anew_and_needs_another_yes(self) -> None:
        board, old = self.waiting()
        self.decide(board, old, "Approve")
        board.step(stale="Deployment/shop/web changed since it was planned: generation 3 → 4")
        assert (board.status.phase, board.status.approval) == (Phase.PLANNING, None)
        assert "generation 3 → 4" in board.status.message
        assert board.status.consensus.certificate is None, "nobody can act on it any more"
        new = planned_at(4)
        board.step(board.proposed(new), now=later(5))
        board.step(vote_envelopes=board.ballots(6, at=later(5)), now=later(6))
        assert board.status.phase is Phase.AWAITING_APPROVAL
        assert board.status.approval is not None
        assert board.status.approval.plan_digest == new.digest != old
        assert board.step(now=later(7)).status.phase is Phase.AWAITING_APPROVAL, "the old yes is for the old plan"

    def test_plans_that_go_out_of_date_use_up_no_round_and_yet_end(self) -> None:
        board = Board(mode=Mode.APPROVE)
        board.voting()
        for number in range(MOST_ROUNDS):
            board.step(vote_envelopes=board.ballots(6), now=later(number))
            if board.step(stale="it changed again", now=later(number)).status.phase is Phase.PLANNING:
                board.step(board.proposed(planned_at(4 + number)), now=later(number))
        assert board.status.phase is Phase.ESCALATED
        assert "16 plans out of date before anybody decided" in board.status.message


class TestWhatIsSaidBesideAVote:
    def test_is_recorded_with_the_votes(self) -> None:
        board = Board()
        board.voting()
        forecast = Forecast(abstained=False, message="full in an hour")
        symptom = Assessment(state=AlertState.FIRING, severity=Severity.CRITICAL)
        said = (board.statement(Role.PREDICTION, forecast), board.statement(Role.DETECTION, symptom))
        board.step(*said, vote_envelopes=board.ballots(6), now=later(1))
        assert (board.status.assessment, board.status.forecast) == (symptom, forecast)
