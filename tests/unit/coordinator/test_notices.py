"""When people are told: a decision is theirs, or the Incident is."""

from datetime import timedelta

from incident_commander.api.incident import Incident, IncidentStatus, Outcome, Phase
from incident_commander.api.policy import Mode
from incident_commander.coordinator.notices import notice_of
from incident_commander.ports import Notice
from tests.unit.coordinator.board import NOW, Board


def told(before: Incident, after: IncidentStatus) -> Notice | None:
    return notice_of(before, after, NOW)


def test_a_plan_that_waits_for_approval_says_until_when_and_which() -> None:
    board = Board(mode=Mode.APPROVE)
    plan = board.voting()
    before = board.incident
    after = board.step(vote_envelopes=board.ballots(6), now=NOW + timedelta(seconds=1)).status
    notice = told(before, after)
    assert notice is not None
    assert (notice.event, notice.plan_digest, notice.target) == ("ApprovalRequired", plan.digest, "Deployment/web")
    assert notice.act_by == after.deadline


def test_an_escalation_and_a_recommendation_are_told_once() -> None:
    board = Board(mode=None)
    board.voting()
    before = board.incident
    after = board.step(vote_envelopes=board.ballots(6), now=NOW + timedelta(seconds=1)).status
    notice = told(before, after)
    assert after.outcome is Outcome.RECOMMENDED
    assert notice is not None
    assert (notice.event, notice.outcome, notice.act_by) == ("Recommended", "Recommended", None)
    assert told(board.incident, after) is None, "nothing changed"
    silent = Board()
    silent.step()
    before = silent.incident
    escalated = told(before, silent.step(now=NOW + timedelta(seconds=61)).status)
    assert escalated is not None
    assert (escalated.event, escalated.phase) == ("Escalated", "Escalated")


def test_what_is_mended_or_goes_on_by_itself_wakes_nobody() -> None:
    board = Board()
    board.voting()
    before = board.incident
    after = board.step(vote_envelopes=board.ballots(6), now=NOW + timedelta(seconds=1)).status
    assert after.phase is Phase.EXECUTING
    assert told(before, after) is None
    resolved = after.model_copy(update={"phase": Phase.RESOLVED, "outcome": Outcome.REMEDIATED})
    assert told(before, resolved) is None
