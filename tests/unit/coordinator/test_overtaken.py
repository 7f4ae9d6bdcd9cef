"""What makes an Incident pointless meanwhile."""

from __future__ import annotations

import pytest

from incident_commander.api.incident import (
    Alert,
    AlertStatus,
    Outcome,
    Phase,
    StepOutcome,
)
from incident_commander.api.role import Role
from incident_commander.api.statement import AlertState, Assessment, Severity
from incident_commander.coordinator.view import TargetState
from incident_commander.verification.observation import Observation
from tests.unit.coordinator.board import BLIND, HEALTHY, NOW, SICK, Board, executed, later


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

    def test_a_target_that_is_gone_is_closed_and_nothing_claimed(self) -> None:
        board = Board()
        board.voting()
        board.step(target=TargetState.MISSING, vote_envelopes=board.ballots(6))
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.INCONCLUSIVE)
        assert "nothing was changed" in board.status.message

    def test_another_object_of_its_name_is_for_people_to_look_at_while_the_alert_fires(self) -> None:
        board = Board()
        board.voting()
        board.step(target=TargetState.REPLACED, vote_envelopes=board.ballots(6))
        assert (board.status.phase, board.status.outcome) == (Phase.ESCALATED, Outcome.ESCALATED)
        assert "replaced by another object of that name" in board.status.message
        assert "nothing was changed" in board.status.message
        assert "was not diagnosed" in board.status.message

    def test_another_object_of_its_name_is_nobodys_trouble_once_the_alert_has_resolved(self) -> None:
        board = Board()
        board.voting()
        board.spec = board.spec.model_copy(update={"alerts": [self.RESOLVED]})
        board.step(target=TargetState.REPLACED, vote_envelopes=board.ballots(6))
        assert (board.status.phase, board.status.outcome) == (Phase.CLOSED, Outcome.INCONCLUSIVE)

    def test_an_api_server_that_did_not_say_is_not_taken_for_a_deletion(self) -> None:
        board = Board()
        board.voting()
        board.step(target=TargetState.UNKNOWN, vote_envelopes=board.ballots(6))
        assert board.status.phase is Phase.EXECUTING
