"""What becomes of an Incident: each phase decides from what was gathered, and from nothing else."""

from datetime import timedelta

import pytest

from incident_commander.api.agent import Offence, Role
from incident_commander.api.causes import Cause
from incident_commander.api.conditions import ConditionType, find_condition
from incident_commander.api.incident import (
    Alert,
    AlertStatus,
    Approval,
    Attempt,
    Check,
    CheckResult,
    Execution,
    Outcome,
    Phase,
    RoundDecision,
    StepOutcome,
    StepRecord,
    UndoRequest,
)
from incident_commander.api.plan import ActionName, Verb
from incident_commander.api.policy import Mode
from incident_commander.api.reasons import Reason
from incident_commander.api.statement import AlertState, Assessment, Decision, Forecast, Severity
from incident_commander.coordinator.transition import Draft
from incident_commander.coordinator.view import TargetState
from incident_commander.verification.observation import WORKLOAD_HEALTHY, Observation
from tests.unit.coordinator.board import NOW, TARGET, Board, a_plan, a_step

HEALTHY = Observation((Check(name=WORKLOAD_HEALTHY, result=CheckResult.PASS, message="3 of 3 ready"),))
SICK = Observation((Check(name=WORKLOAD_HEALTHY, result=CheckResult.FAIL, message="0 of 3 ready"),))
BLIND = Observation((Check(name=WORKLOAD_HEALTHY, result=CheckResult.INCONCLUSIVE, message="not read"),))


def later(seconds: float):  # type: ignore[no-untyped-def]
    return NOW + timedelta(seconds=seconds)


def executed(board: Board, outcome: StepOutcome, reason: str = "Applied", **values: object) -> None:
    """The executor records an attempt."""
    consensus = board.status.consensus
    record = StepRecord(name="s", action=ActionName.RESTART_ROLLOUT, target=TARGET, verb=Verb.PATCH, outcome=outcome)
    attempt = Attempt(
        id=f"{consensus.round}-x",
        round=consensus.round,
        plan_digest=consensus.plan_digest,
        started_at=NOW,
        finished_at=NOW,
        outcome=outcome,
        reason=reason,
        message="patched web",
        steps=[record],
    ).model_copy(update=values)
    attempts = [a for a in board.status.execution.attempts if a.id != attempt.id]
    board.status = board.status.model_copy(update={"execution": Execution(attempts=[*attempts, attempt])})


class TestDiagnosing:
    def test_diagnosis_and_plan_are_recorded_in_one_write(self) -> None:
        board = Board()
        board.voting()
        assert board.status.cause == "AppNotAnswering"
        assert [c.type for c in board.status.conditions if c.status == "True"] == ["Diagnosed", "Planned"]
        assert (board.status.consensus.quorum, board.status.votes) == (4, "0/6")

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

    def test_a_person_can_have_a_resolved_change_taken_back(self) -> None:
        board = self.verifying()
        board.step(now=later(300), observation=HEALTHY)
        undo = UndoRequest(plan_digest=board.status.consensus.plan_digest, requester="ann@example.org")
        board.spec = board.spec.model_copy(update={"undo": undo})
        board.step(now=later(400))
        assert board.status.phase is Phase.ROLLING_BACK
        executed(board, StepOutcome.UNDONE, "Undone")
        board.step(now=later(401), undo_seen=True)
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.ROLLED_BACK)


class TestAnUnknownCause:
    def test_is_told_once(self) -> None:
        board = Board()
        board.step()
        board.step(board.diagnosed(20, Cause.UNKNOWN), now=later(60))
        assert board.status.phase is Phase.ESCALATED
        assert [entry.reason for entry in board.status.timeline].count("CauseUnknown") == 1


class TestOvertaken:
    RESOLVED = Alert(fingerprint="f1", status=AlertStatus.RESOLVED, labels={"alertname": "Down"}, starts_at=NOW)

    def test_an_alert_that_resolved_with_a_healthy_workload_is_self_healed(self) -> None:
        board = Board()
        board.step()
        board.spec = board.spec.model_copy(update={"alerts": [self.RESOLVED]})
        board.step(observation=HEALTHY)
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.SELF_HEALED)

    def test_an_escalated_incident_in_which_nothing_was_done_may_still_heal(self) -> None:
        board = Board()
        board.step()
        board.step(now=later(60))
        assert board.step(now=later(61)).status.phase is Phase.ESCALATED
        board.spec = board.spec.model_copy(update={"alerts": [self.RESOLVED]})
        assert board.step(now=later(90), observation=SICK).status.phase is Phase.ESCALATED
        board.step(now=later(99), observation=HEALTHY)
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.SELF_HEALED)

    def test_an_undone_change_is_not_called_self_healed_afterwards(self) -> None:
        board = Board()
        board.voting()
        board.step(vote_envelopes=board.ballots(6))
        executed(board, StepOutcome.UNDONE, "Undone")
        board.step()
        board.status = board.status.model_copy(update={"phase": Phase.ESCALATED})
        board.spec = board.spec.model_copy(update={"alerts": [self.RESOLVED]})
        board.step(now=later(99), observation=HEALTHY)
        assert board.status.phase is Phase.ESCALATED

    @pytest.mark.parametrize("observation", [SICK, BLIND, None])
    def test_a_resolved_alert_alone_proves_nothing(self, observation: Observation | None) -> None:
        board = Board()
        board.step()
        board.spec = board.spec.model_copy(update={"alerts": [self.RESOLVED]})
        board.step(observation=observation)
        assert board.status.phase is Phase.DIAGNOSING

    def test_detection_alone_does_not_end_it_without_measured_health(self) -> None:
        board = Board()
        board.step()
        gone = Assessment(state=AlertState.GONE, severity=Severity.WARNING)
        board.step(board.statement(Role.DETECTION, gone), observation=SICK)
        assert board.status.phase is Phase.DIAGNOSING

    @pytest.mark.parametrize("state", [TargetState.MISSING, TargetState.REPLACED])
    def test_a_target_that_is_gone_or_another_one_is_closed_and_nothing_claimed(self, state: TargetState) -> None:
        board = Board()
        board.voting()
        board.step(target=state, vote_envelopes=board.ballots(6))
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.INCONCLUSIVE)
        assert "nothing was changed" in board.status.message

    def test_an_api_server_that_did_not_say_is_not_taken_for_a_deletion(self) -> None:
        board = Board()
        board.voting()
        board.step(target=TargetState.UNKNOWN, vote_envelopes=board.ballots(6))
        assert board.status.phase is Phase.EXECUTING


class TestWhatIsSaidBesideAVote:
    def test_is_recorded_with_the_votes(self) -> None:
        board = Board()
        board.voting()
        forecast = Forecast(abstained=False, message="full in an hour")
        symptom = Assessment(state=AlertState.FIRING, severity=Severity.CRITICAL)
        said = (board.statement(Role.PREDICTION, forecast), board.statement(Role.DETECTION, symptom))
        board.step(*said, vote_envelopes=board.ballots(6), now=later(1))
        assert (board.status.assessment, board.status.forecast) == (symptom, forecast)


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
