"""Phases Executing, Verifying and RollingBack: what becomes of what was done."""

from __future__ import annotations

import pytest

from incident_commander.api.conditions import ConditionType, find_condition
from incident_commander.api.incident import (
    Outcome,
    Phase,
    StepOutcome,
    UndoRequest,
)
from incident_commander.api.plan import ActionName, Verb
from incident_commander.coordinator.view import TargetState
from tests.unit.coordinator.board import BLIND, HEALTHY, SICK, Board, a_plan, a_step, executed, later


class TestActing:
    def executing(self, **policy: object) -> Board:
        board = Board(policy_values=dict(policy))
        board.voting()
        board.step(vote_envelopes=board.ballots(6))
        assert board.status.phase is Phase.EXECUTING
        return board

    def verifying(self) -> Board:
        board = self.executing()
        executed(board, StepOutcome.APPLIED)
        board.step()
        assert board.status.phase is Phase.VERIFYING
        return board

    def test_a_healthy_workload_at_the_end_of_the_window_is_resolved(self) -> None:
        board = self.verifying()
        board.step(now=later(299), observation=HEALTHY)
        assert board.status.phase is Phase.VERIFYING
        board.step(now=later(300), observation=HEALTHY)
        assert (board.status.phase, board.status.outcome) == (Phase.RESOLVED, Outcome.REMEDIATED)
        assert find_condition(board.status.conditions, ConditionType.RESOLVED).status == "True"  # type: ignore[union-attr]

    def test_a_target_that_is_gone_after_the_change_is_closed_and_nothing_claimed(self) -> None:
        board = self.verifying()
        board.step(target=TargetState.MISSING)
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.INCONCLUSIVE)

    @pytest.mark.parametrize(
        ("measured", "phase"),
        [(False, Phase.VERIFYING), (True, Phase.CLOSED)],
        ids=["whether it is gone", "its health"],
    )
    def test_a_target_that_the_plan_was_to_delete_is_not_missed_unless_its_health_is_measured(
        self, measured: bool, phase: Phase
    ) -> None:
        board = self.verifying()
        plan, attempts = board.status.plan, board.status.execution.attempts
        assert plan is not None
        steps = [step.model_copy(update={"verb": Verb.DELETE}) for step in attempts[-1].steps]
        execution = board.status.execution.model_copy(
            update={"attempts": [*attempts[:-1], attempts[-1].model_copy(update={"steps": steps})]}
        )
        verification = plan.verification.model_copy(update={"workload_healthy": measured})
        plan = plan.model_copy(update={"verification": verification})
        board.status = board.status.model_copy(update={"execution": execution, "plan": plan})
        board.step(target=TargetState.MISSING)
        assert board.status.phase is phase

    def test_missing_data_is_inconclusive_and_the_change_stays_for_people_to_judge(self) -> None:
        board = self.verifying()
        board.step(now=later(300), observation=BLIND)
        assert (board.status.phase, board.status.outcome) == (Phase.ESCALATED, Outcome.INCONCLUSIVE)
        assert find_condition(board.status.conditions, ConditionType.VERIFIED).status == "Unknown"  # type: ignore[union-attr]

    def test_a_fix_that_does_not_help_is_undone_checked_and_the_next_plan_tried(self) -> None:
        board = self.verifying()
        board.step(now=later(300), observation=SICK)
        assert board.status.phase is Phase.ROLLING_BACK
        executed(board, StepOutcome.UNDONE, "Undone")
        board.step(now=later(301), undo_seen=True)
        assert (board.status.phase, board.status.planning_serial) == (Phase.PLANNING, 2)
        board.step(board.proposed(), now=later(302))
        assert (board.status.phase, board.status.outcome) == (Phase.ESCALATED, Outcome.ROLLED_BACK)

    def test_what_was_carried_out_and_undone_stays_verifiable_when_people_take_over(self) -> None:
        board = self.verifying()
        certified = board.status.plan
        board.step(now=later(300), observation=SICK)
        executed(board, StepOutcome.UNDONE, "Undone")
        board.step(now=later(301), undo_seen=True)
        board.step(board.proposed(a_plan("ask", a_step(ActionName.ESCALATE)), serial=2), now=later(302))
        status = board.status
        assert status.phase is Phase.ESCALATED
        assert status.plan == certified
        assert status.consensus.certificate is not None
        assert status.plan is not None
        assert status.consensus.certificate.plan_digest == status.plan.digest
        assert status.verification is not None
        assert (status.verification.result, status.verification.undo_checked) == ("Fail", "Pass")

    def test_people_take_over_in_one_write_where_the_proposal_puts_them_next(self) -> None:
        board = Board()
        ask = a_plan("ask", a_step(ActionName.ESCALATE))
        plan = board.voting()
        said = board.proposed(plan, ask)
        board.step(vote_envelopes=board.ballots(6))
        executed(board, StepOutcome.APPLIED, runbook="restart")
        board.step()
        board.step(now=later(300), observation=SICK)
        executed(board, StepOutcome.UNDONE, "Undone", runbook="restart")
        ended = board.step(said, now=later(301), undo_seen=True)
        assert (board.status.phase, board.status.outcome) == (Phase.ESCALATED, Outcome.ROLLED_BACK)
        assert board.status.message.startswith("the plan did not help and was undone. Escalate of web")
        assert [a.reason for a in ended.announcements] == ["EscalationPlanned"]
        assert [e.reason for e in board.status.timeline][-2:] == ["Undone", "EscalationPlanned"]

    def test_another_plan_that_changes_something_is_asked_for_anew(self) -> None:
        board = Board(policy_values={"limits": {"maxAttempts": 3}})
        scale, ask = a_plan("scale", a_step()), a_plan("ask", a_step(ActionName.ESCALATE))
        plan = board.voting()
        said = board.proposed(plan, scale, ask)
        board.step(vote_envelopes=board.ballots(6))
        executed(board, StepOutcome.APPLIED, runbook="restart")
        board.step()
        board.step(now=later(300), observation=SICK)
        executed(board, StepOutcome.UNDONE, "Undone", runbook="restart")
        undone = board.step(said, now=later(301), undo_seen=True)
        assert (board.status.phase, board.status.planning_serial) == (Phase.PLANNING, 2)
        assert [a.reason for a in undone.announcements] == ["Undone"]

    def test_people_take_over_from_a_rejected_plan_where_the_proposal_puts_them_next(self) -> None:
        board = Board()
        said = board.proposed(board.voting(), a_plan("ask", a_step(ActionName.ESCALATE)), serial=1)
        board.step(said, vote_envelopes=board.ballots(2, reject=4))
        assert (board.status.phase, board.status.outcome) == (Phase.ESCALATED, Outcome.ESCALATED)

    def test_a_plan_that_is_out_of_date_is_made_anew_before_people_are_asked(self) -> None:
        board = Board()
        said = board.proposed(board.voting(), a_plan("ask", a_step(ActionName.ESCALATE)), serial=1)
        board.step(said, vote_envelopes=board.ballots(2, reject=4, reason="PlanStale"))
        assert (board.status.phase, board.status.planning_serial) == (Phase.PLANNING, 2)

    def test_an_undo_that_cannot_be_seen_is_not_believed(self) -> None:
        board = self.verifying()
        board.step(now=later(300), observation=SICK)
        executed(board, StepOutcome.UNDONE, "Undone")
        board.step(now=later(301), undo_seen=False)
        assert board.status.phase is Phase.ESCALATED
        assert find_condition(board.status.conditions, ConditionType.RESOLVED).reason == "UndoFailed"  # type: ignore[union-attr]

    def test_attempts_that_did_nothing_count(self) -> None:
        board = self.executing(limits={"maxAttempts": 1})
        executed(board, StepOutcome.NO_OP, "NothingToChange")
        board.step()
        assert board.status.phase is Phase.ESCALATED

    def test_a_refusal_by_a_guard_ends_with_people(self) -> None:
        board = self.executing()
        executed(board, StepOutcome.REFUSED, "CircuitBreakerTripped")
        board.step()
        assert board.status.phase is Phase.ESCALATED
        assert "CircuitBreakerTripped" in board.status.message

    def test_a_target_that_is_gone_when_the_executor_comes_is_closed_honestly(self) -> None:
        board = self.executing()
        executed(board, StepOutcome.REFUSED, "TargetDeleted")
        board.step()
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.INCONCLUSIVE)

    def test_an_executor_that_never_answers_is_not_waited_for_for_ever(self) -> None:
        board = self.executing()
        board.step(now=later(600))
        assert board.status.phase is Phase.ESCALATED
        assert "nothing was changed" in board.status.message

    def test_an_intent_without_an_outcome_is_said_to_be_unknown(self) -> None:
        board = self.executing()
        executed(board, StepOutcome.INTENDED, "", finished_at=None)
        board.step(now=later(600))
        assert "may or may not" in board.status.message

    def test_containment_with_an_escalation_is_not_called_resolved(self) -> None:
        board = Board()
        board.voting(a_plan("contain", a_step(), a_step(ActionName.ESCALATE)))
        board.step(vote_envelopes=board.ballots(6))
        executed(board, StepOutcome.APPLIED)
        board.step()
        board.step(now=later(300), observation=HEALTHY)
        assert (board.status.phase, board.status.outcome) == (Phase.ESCALATED, Outcome.ESCALATED)

    def undo_asked(self) -> Board:
        """Resolved, and then a person wants the change taken back."""
        board = self.verifying()
        board.step(now=later(300), observation=HEALTHY)
        undo = UndoRequest(plan_digest=board.status.consensus.plan_digest, requester="ann@example.org")
        board.spec = board.spec.model_copy(update={"undo": undo})
        board.step(now=later(400))
        return board

    def test_a_person_can_have_a_resolved_change_taken_back(self) -> None:
        board = self.undo_asked()
        assert board.status.phase is Phase.ROLLING_BACK
        executed(board, StepOutcome.UNDONE, "Undone")
        board.step(now=later(401), undo_seen=True)
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.ROLLED_BACK)

    def test_an_undo_that_is_refused_leaves_the_outcome_as_it_was(self) -> None:
        board = self.undo_asked()
        executed(board, StepOutcome.UNDO_FAILED, "ChangedSince", message="image is web:3")
        board.step(now=later(401))
        assert (board.status.phase, board.status.outcome) == (Phase.RESOLVED, Outcome.REMEDIATED)
        assert "the undo was refused, what was done stands: ChangedSince: image is web:3" in board.status.message
        assert board.step(now=later(402)).status.phase is Phase.RESOLVED, "and it is not tried again"
