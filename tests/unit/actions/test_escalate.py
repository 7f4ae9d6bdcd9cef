"""Escalate: people are asked, whatever state the target is in."""

from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api import kinds
from incident_commander.api.plan import ActionName, Verb
from tests.unit.actions.workloads import plan, refusal, workload

ESCALATE = ActionName.ESCALATE


def test_nothing_is_written_and_the_message_is_what_people_read() -> None:
    step = plan(ESCALATE, workload(), message="look at the registry")
    assert (step.verb, step.operations, step.summary) == (Verb.NONE, [], "look at the registry")
    assert "web" in plan(ESCALATE, workload()).summary


def test_it_does_not_go_stale_when_the_target_changes_or_goes() -> None:
    later = workload(generation=9, resourceVersion="900", deletionTimestamp="2026-03-01T11:59:00Z")
    assert plan(ESCALATE, later) == plan(ESCALATE, workload())


def test_any_kind_that_the_operator_knows_will_do() -> None:
    assert CATALOGUE[ESCALATE].kinds == {kind.kind for kind in kinds.ALL}
    assert refusal(ESCALATE, workload(), priority="high") == "UnknownParameter"
