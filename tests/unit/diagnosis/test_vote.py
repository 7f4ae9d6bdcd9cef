"""Diagnosis votes for plans that act on the top cause."""

from incident_agents.diagnosis.vote import Why, vote
from incident_commander.api.causes import Cause
from incident_commander.api.meta import TargetRef
from incident_commander.api.plan import ActionName, Plan, Risk, Step, Undo, Verb
from incident_commander.api.statement import Decision, Diagnosis, Hypothesis
from tests.unit.diagnosis.builders import NOW

WEB = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="web", uid="uid-web")
STORE = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="store", uid="uid-store")


def plan(
    cause: Cause,
    object_: TargetRef = WEB,
    *,
    on: TargetRef | None = None,
    action: ActionName = ActionName.ROLLBACK_ROLLOUT,
) -> Plan:
    step = Step(
        name="one", action=action, target=on or object_, verb=Verb.PATCH, undo=Undo(possible=True), risk=Risk.LOW
    )
    return Plan(issued_at=NOW, runbook="rb", cause=cause, object=object_, steps=[step], risk=Risk.LOW)


def sees(*hypotheses: tuple[Cause, TargetRef | None, int], **facts: str) -> Diagnosis:
    return Diagnosis(
        hypotheses=[Hypothesis(cause=c, object=o, confidence=n, summary=f"{c}", facts=facts) for c, o, n in hypotheses]
    )


def test_a_plan_for_the_top_cause_on_its_object_is_approved() -> None:
    decision, reason, _, _ = vote(plan(Cause.CRASH_AFTER_ROLLOUT), sees((Cause.CRASH_AFTER_ROLLOUT, WEB, 88)))
    assert (decision, reason) == (Decision.APPROVE, Why.ACTS_ON_TOP_CAUSE)


def test_a_plan_for_a_symptom_is_rejected_and_the_cause_is_named() -> None:
    seen = sees((Cause.DEPENDENCY_DOWN, STORE, 88), (Cause.CRASH_LOOP, WEB, 70))
    decision, reason, message, _ = vote(plan(Cause.CRASH_LOOP), seen)
    assert (decision, reason) == (Decision.REJECT, Why.ACTS_ON_SYMPTOM)
    assert "DependencyDown" in message


def test_a_hypothesis_as_good_as_the_top_one_is_as_good_a_reason() -> None:
    seen = sees((Cause.MEMORY_LIMIT_TOO_LOW, WEB, 80), (Cause.MEMORY_LEAK, WEB, 76))
    assert vote(plan(Cause.MEMORY_LEAK), seen)[0] is Decision.APPROVE


def test_a_cause_that_nothing_speaks_for_is_rejected() -> None:
    decision, reason, _, _ = vote(plan(Cause.MEMORY_LEAK), sees((Cause.IMAGE_NOT_FOUND, WEB, 90)))
    assert (decision, reason) == (Decision.REJECT, Why.CAUSE_NOT_SUPPORTED)


def test_the_right_cause_on_another_object_is_rejected() -> None:
    decision, reason, _, _ = vote(plan(Cause.MEMORY_LEAK, WEB), sees((Cause.MEMORY_LEAK, STORE, 90)))
    assert (decision, reason) == (Decision.REJECT, Why.ACTS_ELSEWHERE)


def test_a_step_on_something_else_than_the_object_is_rejected() -> None:
    decision, reason, _, _ = vote(plan(Cause.DEPENDENCY_DOWN, STORE, on=WEB), sees((Cause.DEPENDENCY_DOWN, STORE, 90)))
    assert (decision, reason) == (Decision.REJECT, Why.ACTS_ELSEWHERE)


def test_a_step_on_the_pod_that_shows_the_symptom_reaches_the_object() -> None:
    pod = TargetRef(api_version="v1", kind="Pod", namespace="shop", name="web-1")
    seen = sees((Cause.CRASH_LOOP, WEB, 70), pod="web-1")
    assert vote(plan(Cause.CRASH_LOOP, WEB, on=pod), seen)[0] is Decision.APPROVE


def test_an_object_that_was_replaced_is_not_the_one_of_the_plan() -> None:
    replaced = WEB.model_copy(update={"uid": "uid-new"})
    decision, reason, _, _ = vote(plan(Cause.CRASH_LOOP, WEB), sees((Cause.CRASH_LOOP, replaced, 70)))
    assert (decision, reason) == (Decision.REJECT, Why.OBJECT_REPLACED)


def test_without_a_confident_cause_it_abstains() -> None:
    for seen in (sees((Cause.UNKNOWN, WEB, 10)), sees((Cause.CRASH_LOOP, WEB, 40)), Diagnosis(hypotheses=[])):
        assert vote(plan(Cause.CRASH_LOOP), seen)[:2] == (Decision.ABSTAIN, Why.CAUSE_UNKNOWN)


def test_a_target_that_is_gone_is_not_to_be_acted_on() -> None:
    assert vote(plan(Cause.CRASH_LOOP), sees((Cause.TARGET_GONE, WEB, 95)))[1] is Why.TARGET_GONE


def test_asking_people_is_approved_whatever_the_cause() -> None:
    ask = plan(Cause.UNKNOWN, action=ActionName.ESCALATE)
    assert vote(ask, sees((Cause.UNKNOWN, WEB, 10)))[0] is Decision.APPROVE
