"""Candidate plans: best first, fully spelled out, and a reason for every runbook that is none."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.actions.action import Bounds
from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api.causes import Cause
from incident_commander.api.plan import ActionName, Risk, Verb
from incident_commander.consensus.digest import plan_digest
from incident_commander.planning.planner import MAX_PLANS, targets
from incident_commander.planning.runbooks import builtin_runbooks
from tests.unit.actions.workloads import NOW, owned_by, pod, workload
from tests.unit.planning.case import (
    FACTS,
    deployment,
    find,
    hypothesis,
    incident,
    policy,
    ref,
    runbook,
    situation,
    situations,
)

BOOKS = builtin_runbooks()
ROLL_BACK = {"action": "RollbackRollout", "actOn": "Object"}
RESTART = {"action": "RestartRollout", "actOn": "Object"}
MEMORY = {"action": "SetResources", "actOn": "Object", "parameters": {"memory": "${facts.suggestedMemoryLimit}"}}
ASK = {"action": "Escalate", "parameters": {"message": "look at ${object.name}"}}


class TestOnePlan:
    def test_it_is_spelled_out_and_bound_by_its_digest(self) -> None:
        (plan,) = find(runbook("roll-back", ROLL_BACK)).plans
        assert plan.digest == plan_digest(plan)
        assert (plan.incident_uid, plan.issued_at, plan.runbook) == ("uid-inc", NOW, "roll-back")
        assert plan.cause is Cause.CRASH_AFTER_ROLLOUT
        assert plan.object.uid == "uid-Deployment-web"
        assert plan.steps[0].operations[0].path == "/spec/template"
        assert plan.summary.startswith("it crashes since the rollout → roll Deployment/shop/web back")

    def test_whoever_recomputes_a_step_gets_the_same(self) -> None:
        found = find(runbook("roll-back", ROLL_BACK), runbook("raise", MEMORY)).plans
        assert len(found) == 2
        for plan in found:
            for step in plan.steps:
                again = CATALOGUE[step.action].plan(
                    situation(), step.parameters, bounds=Bounds(), issued_at=plan.issued_at, step_name=step.name
                )
                assert again == step

    def test_parameters_come_from_the_diagnosis(self) -> None:
        (plan,) = find(runbook("raise", MEMORY)).plans
        assert plan.steps[0].parameters == {"memory": "192Mi"}

    def test_the_plan_is_as_risky_as_its_riskiest_step(self) -> None:
        target = deployment()
        target["spec"]["strategy"] = {"type": "Recreate"}
        (plan,) = find(runbook("restart", RESTART, ASK), situations=situations(situation(target))).plans
        assert [s.risk for s in plan.steps] == [Risk.MEDIUM, Risk.LOW]
        assert plan.risk is Risk.MEDIUM

    def test_the_policys_verification_overrides_the_runbooks(self) -> None:
        check = {"name": "errors", "query": "rate(errors[5m])", "operator": "<", "threshold": "0.01"}
        own = {"windowSeconds": 100, "pollSeconds": 7, "promql": [{**check, "name": "own"}]}
        ruled = policy(verification={"windowSeconds": 900, "promql": [check]})
        (plan,) = find(runbook("r", RESTART, verification=own), policy=ruled).plans
        assert (plan.verification.window_seconds, plan.verification.poll_seconds) == (900, 7)
        assert [c.name for c in plan.verification.promql] == ["errors", "own"]


class TestActingOn:
    def test_the_target_the_object_or_the_pod_that_shows_the_symptom(self) -> None:
        sick = pod("web-h2-x", workload("ReplicaSet"))
        book = runbook("r", {"action": "DeletePod", "actOn": "Pod"})
        assert [str(r) for r in targets(incident(), [hypothesis()], [book], set())] == [
            "Deployment/shop/web",
            "Pod/shop/web-h2-x",
        ]
        allowed = policy(actions=["DeletePod"])
        found = find(book, policy=allowed, situations=situations(situation(), situation(sick, pods=[sick])))
        assert found.plans[0].steps[0].verb is Verb.DELETE
        assert found.plans[0].object.kind == "Deployment"

    def test_what_was_not_found_is_not_acted_on(self) -> None:
        assert find(runbook("r", RESTART), situations={}).declined[0].reason == "TargetNotFound"
        nobody = hypothesis(facts={k: v for k, v in FACTS.items() if k != "pod"})
        book = runbook("r", {"action": "DeletePod", "actOn": "Pod"})
        assert find(book, hypotheses=[nobody], policy=policy(actions=["DeletePod"])).declined[0].reason == "NoTarget"


class TestChoosing:
    def test_confidence_then_priority_then_risk(self) -> None:
        books = [
            runbook("low-priority", RESTART, priority=10),
            runbook("b", RESTART, priority=50),
            runbook("a-risky", RESTART, {"action": "DeletePod", "actOn": "Pod"}, priority=50),
            runbook("other-cause", RESTART, priority=1000, match={"causes": ["CrashLoop"]}),
        ]
        sick = pod("web-h2-x", workload("ReplicaSet"))
        found = find(
            *books,
            hypotheses=[hypothesis(Cause.CRASH_LOOP, 60), hypothesis()],
            policy=policy(actions=["RestartRollout", "DeletePod"]),
            situations=situations(situation(), situation(sick, pods=[sick])),
        )
        assert [p.runbook for p in found.plans] == ["b", "a-risky", "low-priority", "other-cause"]

    @given(st.permutations([("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", 5)]))
    def test_at_most_four_and_the_order_of_runbooks_does_not_matter(self, books: list[tuple[str, int]]) -> None:
        found = find(*(runbook(name, RESTART, priority=priority) for name, priority in books))
        assert [p.runbook for p in found.plans] == ["e", "f", "d", "c"]
        assert len(found.plans) == MAX_PLANS

    @pytest.mark.parametrize(
        ("match", "fits"),
        [
            ({}, True),
            ({"causes": ["CrashLoop"]}, False),
            ({"kinds": ["Deployment"]}, True),
            ({"kinds": ["StatefulSet"]}, False),
            ({"alerts": ["Other", "Crash"]}, True),
            ({"alerts": ["Other"]}, False),
            ({"minConfidence": 90}, True),
            ({"minConfidence": 91}, False),
        ],
    )
    def test_every_part_of_a_match_must_fit(self, match: dict[str, Any], fits: bool) -> None:
        assert bool(find(runbook("r", RESTART, match=match)).plans) is fits

    def test_what_was_tried_is_not_proposed_again(self) -> None:
        books = [runbook("first", ROLL_BACK, priority=200), runbook("second", RESTART)]
        assert [p.runbook for p in find(*books, tried={"first"}).plans] == ["second"]
        nothing = find(*books, tried={"first", "second"})
        assert nothing.plans == ()
        assert nothing.message == "no runbook matches any of the hypotheses"

    def test_one_runbook_makes_one_plan_for_the_likelier_cause(self) -> None:
        both = runbook("r", RESTART, match={"causes": ["CrashLoop", "CrashAfterRollout"]})
        (plan,) = find(both, hypotheses=[hypothesis(Cause.CRASH_LOOP, 70), hypothesis()]).plans
        assert plan.cause is Cause.CRASH_AFTER_ROLLOUT

    def test_people_are_asked_once(self) -> None:
        found = find(runbook("a", ASK), runbook("b", ASK), runbook("c", RESTART, priority=1))
        assert [p.runbook for p in found.plans] == ["a", "c"]


class TestDeclining:
    def test_a_missing_fact_is_told_with_what_is_known(self) -> None:
        book = runbook("r", {**MEMORY, "parameters": {"memory": "${facts.suggestedMemory}"}})
        (declined,) = find(book).declined
        assert (declined.runbook, declined.reason) == ("r", "MissingFact")
        assert "facts.suggestedMemoryLimit" in declined.message

    def test_what_an_action_refuses_is_told(self) -> None:
        found = find(runbook("r", MEMORY), policy=policy(limits={"maxMemory": "150Mi"}))
        assert found.plans == ()
        assert found.message.startswith("r: AboveBound (")

    def test_a_step_that_is_refused_declines_the_whole_runbook(self) -> None:
        found = find(runbook("r", RESTART, {**MEMORY, "actOn": "Target", "parameters": {"memory": "1Ti"}}))
        assert (found.plans, found.declined[0].reason) == ((), "AboveBound")

    @pytest.mark.parametrize(
        ("spec", "proposed"),
        [
            ({"mode": "Auto", "actions": []}, False),
            ({"mode": "Approve", "actions": ["DeletePod"]}, False),
            ({"mode": "Observe", "actions": []}, True),
        ],
    )
    def test_what_the_policy_would_never_let_through(self, spec: dict[str, Any], proposed: bool) -> None:
        found = find(runbook("r", RESTART), policy=policy(**spec))
        assert bool(found.plans) is proposed
        assert [d.reason for d in found.declined] == ([] if proposed else ["ActionNotAllowed"])

    def test_without_any_policy_a_recommendation_is_made(self) -> None:
        assert find(runbook("r", RESTART), policy=None).plans

    def test_escalating_needs_no_permission(self) -> None:
        assert find(runbook("r", ASK), policy=policy(actions=[])).plans


class TestEscalating:
    def test_people_are_asked_even_when_there_is_nothing_to_point_at(self) -> None:
        (plan,) = find(runbook("r", ASK), situations={}).plans
        assert (plan.steps[0].verb, str(plan.steps[0].target)) == (Verb.NONE, "Incident/shop/inc")
        without = incident().model_copy(update={"spec": incident().spec.model_copy(update={"target_ref": None})})
        (plan,) = find(runbook("r", ASK), incident=without, hypotheses=[hypothesis(object=None)]).plans
        assert plan.object.kind == "Incident"
        assert plan.steps[0].summary == "look at (not known)"

    def test_hostile_facts_stay_one_printable_line(self) -> None:
        evil = hypothesis(facts={"failure": "\x1b[31mrm -rf\n" + "A" * 240})
        book = runbook("r", {"action": "Escalate", "parameters": {"message": "failed: ${facts.failure}!"}})
        (plan,) = find(book, hypotheses=[evil]).plans
        message = plan.steps[0].parameters["message"]
        assert message.isprintable()
        assert len(message) <= 256


class TestGitOps:
    ARGO = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}

    def test_a_plan_for_a_gitops_target_is_a_proposal(self) -> None:
        found = situations(situation(deployment(annotations=self.ARGO)))
        (plan,) = find(runbook("r", RESTART), situations=found).plans
        assert plan.proposal_only
        assert "Argo CD application shop" in plan.proposal_reason
        assert plan.digest == plan_digest(plan)

    def test_unless_the_policy_patches(self) -> None:
        found = situations(situation(deployment(annotations=self.ARGO)))
        (plan,) = find(runbook("r", RESTART), situations=found, policy=policy(gitOps="Patch")).plans
        assert not plan.proposal_only

    def test_what_a_controller_made_is_a_proposal_too_and_asking_people_is_none(self) -> None:
        maker = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "web", "uid": "u"}}
        found = situations(situation(deployment(ownerReferences=owned_by(maker))))
        plans = find(runbook("a", RESTART), runbook("b", ASK), situations=found).plans
        assert [(p.runbook, p.proposal_only) for p in plans] == [("a", True), ("b", False)]


class TestBuiltIns:
    def first(self, cause: Cause, **changes: Any) -> list[ActionName]:
        values = {"hypotheses": [hypothesis(cause, **changes.pop("about", {}))], "policy": None, **changes}
        plans = find(*BOOKS, **values).plans
        return [step.action for step in plans[0].steps]

    @pytest.mark.parametrize(
        ("cause", "actions"),
        [
            (Cause.IMAGE_NOT_FOUND, ["RollbackRollout"]),
            (Cause.CRASH_AFTER_ROLLOUT, ["RollbackRollout"]),
            (Cause.CONFIG_MISSING, ["RollbackRollout"]),
            (Cause.MEMORY_LIMIT_TOO_LOW, ["SetResources"]),
            (Cause.MEMORY_LEAK, ["RestartRollout", "Escalate"]),
            (Cause.CPU_THROTTLED, ["SetResources"]),
            (Cause.DEPENDENCY_DOWN, ["Escalate"]),
            (Cause.CRASH_LOOP, ["Escalate"]),
            (Cause.UNKNOWN, ["Escalate"]),
        ],
    )
    def test_what_is_done_first(self, cause: Cause, actions: list[str]) -> None:
        assert self.first(cause) == actions

    @pytest.mark.parametrize("cause", list(Cause))
    def test_every_cause_ends_with_people_when_nothing_else_is_left(self, cause: Cause) -> None:
        mending = {b.metadata.name for b in BOOKS if any(s.action is not ActionName.ESCALATE for s in b.spec.steps)}
        assert self.first(cause, tried=mending, situations={}) == ["Escalate"]

    def test_without_proof_that_the_previous_revision_ran_well_nothing_is_rolled_back(self) -> None:
        for facts in ({"previousHealthy": "false"}, {"previousHealthy": "unknown"}, {"recentRollout": "false"}):
            assert self.first(Cause.CRASH_AFTER_ROLLOUT, about={"facts": {**FACTS, **facts}}) == ["Escalate"]

    def test_a_leak_never_gets_a_higher_limit(self) -> None:
        plans = find(*BOOKS, hypotheses=[hypothesis(Cause.MEMORY_LEAK)], policy=None).plans
        assert all(s.action is not ActionName.SET_RESOURCES for p in plans for s in p.steps)

    def test_an_hpa_at_its_maximum_gets_more_room_within_the_bound(self) -> None:
        scaler: dict[str, Any] = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"namespace": "shop", "name": "web", "uid": "u"},
            "spec": {"maxReplicas": 5},
        }
        about = {"object": ref("HorizontalPodAutoscaler", "web", "autoscaling/v2")}
        found = {"situations": situations(situation(scaler))}
        for suggested, actions in (("8", ["PatchHPA"]), ("50", ["Escalate"])):
            facts = {"facts": {"suggestedMaxReplicas": suggested}}
            assert self.first(Cause.HPA_AT_MAXIMUM, about={**about, **facts}, **found) == actions


def test_issued_at_is_part_of_what_is_signed() -> None:
    (one,) = find(runbook("r", RESTART)).plans
    (other,) = find(runbook("r", RESTART), now=NOW + timedelta(seconds=1)).plans
    assert one.digest != other.digest
