"""What an Incident's life leaves in the metrics."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client import CollectorRegistry

from incident_commander.adapters.telemetry import PrometheusTelemetry
from incident_commander.api.incident import Approval, Phase
from incident_commander.api.policy import Mode
from incident_commander.api.role import Role
from incident_commander.api.statement import Decision, Hold, Proposal
from incident_commander.coordinator.counting import Counting
from incident_commander.coordinator.decide import decide
from tests.unit.coordinator.board import NOW, Board, a_plan

PREFIX = "incident_commander_"


class Counted:
    """A board whose transitions are counted."""

    def __init__(self, mode: Mode = Mode.AUTO) -> None:
        self.board = Board(mode=mode)
        self.registry = CollectorRegistry()
        telemetry = PrometheusTelemetry(self.registry)
        telemetry.coordinates()
        self.counting = Counting(telemetry)

    def step(self, *statements, now=NOW, **values) -> None:  # type: ignore[no-untyped-def]
        view = self.board.view(*statements, now=now, **values)
        transition = decide(view)
        self.counting.count(view.incident, transition, view)
        self.board.status = transition.status

    def voting(self) -> None:
        self.step()
        self.step(self.board.diagnosed(), self.board.proposed(a_plan()), now=NOW + timedelta(seconds=4))
        assert self.board.status.phase is Phase.VOTING

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(PREFIX + name, labels)


def after(seconds: float):  # type: ignore[no-untyped-def]
    return NOW + timedelta(seconds=seconds)


def test_nothing_has_happened_yet_is_shown_as_zero() -> None:
    counted = Counted()
    assert counted.value("incidents_ended_total", outcome="Remediated", severity="Warning") == 0
    assert counted.value("undo_results_total", result="Failed") == 0


def test_each_phase_is_measured_from_its_beginning() -> None:
    counted = Counted()
    counted.voting()
    assert counted.value("incidents_opened_total", severity="Warning") == 1
    assert counted.value("phase_duration_seconds_sum", phase="Pending") == 0
    assert counted.value("phase_duration_seconds_sum", phase="Diagnosing") == 4
    assert counted.value("phase_transitions_total", from_phase="Diagnosing", to_phase="Voting") == 1


def test_a_phase_whose_beginning_was_not_seen_is_not_measured() -> None:
    seen = Counted()
    seen.voting()
    restarted = Counted()
    restarted.board = seen.board
    ballots = restarted.board.ballots(approve=6, at=after(5))
    restarted.step(now=after(6), vote_envelopes=ballots)
    assert restarted.board.status.phase is Phase.EXECUTING
    assert restarted.value("phase_transitions_total", from_phase="Voting", to_phase="Executing") == 1
    assert restarted.value("phase_duration_seconds_count", phase="Voting") == 0


def test_hypotheses_count_once_each() -> None:
    counted = Counted()
    counted.voting()
    assert counted.value("hypotheses_total", cause="AppNotAnswering", rank="Top") == 1
    assert counted.value("hypotheses_total", cause="AppNotAnswering", rank="Other") == 0


def test_a_vote_against_what_was_decided_is_dissent_and_so_is_silence() -> None:
    counted = Counted()
    counted.voting()
    counted.step(now=after(8), vote_envelopes=counted.board.ballots(approve=4, reject=1, at=after(5)))
    assert counted.value("round_duration_seconds_count", decision="Certified") == 1
    dissenter, silent = list(counted.board.keys)[4:6]
    assert counted.value("dissents_total", role=dissenter, decision="Reject") == 1
    assert counted.value("dissents_total", role=silent, decision="Silent") == 1
    assert counted.value("dissents_total", role=next(iter(counted.board.keys)), decision="Approve") == 0
    assert counted.value("statements_refused_total", role=silent, reason="Silent") == 1


def test_a_round_that_is_opened_is_no_round_that_was_decided() -> None:
    counted = Counted()
    counted.voting()
    counted.step(now=after(8), vote_envelopes=counted.board.ballots(approve=0, reject=6, at=after(5)))
    second = a_plan("scale")
    counted.step(counted.board.proposed(second), now=after(9))
    assert counted.board.status.phase is Phase.VOTING
    assert counted.value("round_duration_seconds_count", decision="Rejected") == 1
    assert counted.value("round_duration_seconds_count", decision="Open") is None


def test_a_plan_that_is_not_put_to_the_vote_for_now_counts_once_for_what_it_waits_for() -> None:
    counted = Counted()
    counted.step()
    hold = Hold(guard="freeze", reason="FreezeWindow", message="sale", until=after(60))
    body = Proposal(serial=1, plans=[a_plan()], message="", hold=hold)
    for seconds in (1, 2):
        counted.step(counted.board.diagnosed(), counted.board.statement(Role.RESOLUTION, body), now=after(seconds))
    assert counted.board.status.phase is Phase.PLANNING
    labels = {"guard": "freeze", "reason": "FreezeWindow", "effect": "Waiting"}
    assert counted.value("guard_refusals_total", **labels) == 1


class TestApprovals:
    def waiting(self) -> Counted:
        counted = Counted(Mode.APPROVE)
        counted.voting()
        counted.step(now=after(6), vote_envelopes=counted.board.ballots(approve=6, at=after(5)))
        assert counted.board.status.phase is Phase.AWAITING_APPROVAL
        assert counted.value("approvals_requested_total") == 1
        return counted

    def decide(self, counted: Counted, decision: str) -> None:
        digest = counted.board.status.plan.digest if counted.board.status.plan else ""
        approval = Approval(plan_digest=digest, decision=decision, approver="jane")
        counted.board.spec = counted.board.spec.model_copy(update={"approval": approval})
        counted.step(now=after(26))

    def test_the_wait_for_an_approval_is_measured_from_the_question(self) -> None:
        counted = self.waiting()
        self.decide(counted, "Approve")
        assert counted.value("approval_duration_seconds_sum", decision="Approved") == 20

    def test_a_rejection_ends_the_incident_without_recovery(self) -> None:
        counted = self.waiting()
        self.decide(counted, "Reject")
        assert counted.value("approval_duration_seconds_count", decision="Rejected") == 1
        assert counted.value("incidents_ended_total", outcome="Rejected", severity="Warning") == 1
        assert counted.value("incident_causes_total", cause="AppNotAnswering", outcome="Rejected") == 1
        assert counted.value("recovery_duration_seconds_count", outcome="Remediated") == 0

    def test_nobody_deciding_in_time_is_expired(self) -> None:
        counted = self.waiting()
        deadline = counted.board.status.deadline
        assert deadline is not None
        counted.step(now=deadline + timedelta(seconds=1))
        assert counted.value("approval_duration_seconds_count", decision="Expired") == 1


def test_dissent_counts_only_against_a_decision() -> None:
    counted = Counted()
    counted.voting()
    ballots = counted.board.ballots(approve=2, reject=2, at=after(5))
    deadline = counted.board.status.deadline or counted.board.status.consensus.deadline
    assert deadline is not None
    counted.step(now=deadline + timedelta(seconds=1), vote_envelopes=ballots)
    assert counted.value("round_duration_seconds_count", decision="Expired") == 1
    for role in counted.board.keys:
        for decision in Decision:
            assert counted.value("dissents_total", role=role, decision=decision.value) == 0
