"""Resolution: what is proposed when, and whether it still holds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from incident_agents.agent import Case
from incident_agents.resolution.agent import ResolutionAgent
from incident_agents.resolution.propose import LARGEST_PROPOSAL, merged, proposal, wanted
from incident_agents.resolution.vote import ResolutionReason, vote
from incident_commander.actions.action import Bounds, Situation
from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Phase
from incident_commander.api.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, RUNBOOK
from incident_commander.api.meta import ObjectMeta
from incident_commander.api.plan import ActionName, Plan
from incident_commander.api.role import Role
from incident_commander.api.runbook import Runbook, RunbookMatch, RunbookSpec, RunbookStep
from incident_commander.api.statement import Decision, Diagnosis, Hypothesis, Proposal
from incident_commander.consensus.canonical import canonical_json
from incident_commander.planning.planner import Candidates
from incident_commander.rehearsal.world import World
from tests.unit.agents.board import NOW, TARGET, a_case, a_deployment, a_diagnosis, a_plan, a_step, an_incident, said


def a_runbook(name: str = "scale-out", cause: Cause = Cause.CPU_THROTTLED, replicas: str = "3") -> Runbook:
    step = RunbookStep(name="act", action=ActionName.SCALE_WORKLOAD, parameters={"replicas": replicas})
    return Runbook(metadata=ObjectMeta(name=name), spec=RunbookSpec(match=RunbookMatch(causes=[cause]), steps=[step]))


class TestWhen:
    def test_not_before_there_is_a_diagnosis(self) -> None:
        assert wanted(a_case(), 60) == []

    def test_when_a_confident_one_is_there(self) -> None:
        case = a_case(None, said(Role.DIAGNOSIS, a_diagnosis()))
        assert [h.cause for h in wanted(case, 60)] == [Cause.IMAGE_NOT_FOUND]

    @pytest.mark.parametrize(
        "weak", [a_diagnosis(confidence=59), a_diagnosis(Cause.UNKNOWN, 90), Diagnosis(hypotheses=[])]
    )
    def test_not_for_one_that_nobody_may_act_on(self, weak: Diagnosis) -> None:
        assert wanted(a_case(None, said(Role.DIAGNOSIS, weak)), 60) == []

    def test_once_for_each_serial(self) -> None:
        own = said(Role.RESOLUTION, Proposal(serial=1, plans=[a_plan()]))
        diagnosed = said(Role.DIAGNOSIS, a_diagnosis())
        assert wanted(a_case(an_incident(planning_serial=1), diagnosed, own=own), 60) == []
        assert wanted(a_case(an_incident(planning_serial=2), diagnosed, own=own), 60)

    def test_again_for_a_later_diagnosis(self) -> None:
        own = said(Role.RESOLUTION, Proposal(serial=1, plans=[]))
        later = said(Role.DIAGNOSIS, a_diagnosis(), NOW + timedelta(seconds=10))
        assert wanted(a_case(None, later, own=own), 60)


def test_a_team_overrides_a_packaged_runbook_by_its_name() -> None:
    mine, theirs, other = a_runbook(replicas="5"), a_runbook(replicas="3"), a_runbook("other")
    assert merged([mine], [theirs, other]) == [mine, other]


def test_plans_that_do_not_fit_into_a_statement_are_left_out_from_the_end() -> None:
    big = [a_plan(a_step(summary="x" * 1000), runbook=f"r{n}", summary="y" * 8000) for n in range(4)]
    whole = proposal(an_incident(), Candidates(tuple(big[:1]), ()))
    assert len(whole.plans) == 1
    long = [
        p.model_copy(update={"steps": [a_step(parameters={f"p{k}": "z" * 256 for k in range(16)})] * 4}) for p in big
    ]
    said_ = proposal(an_incident(), Candidates(tuple(long), ()))
    assert 0 < len(said_.plans) < 4
    assert said_.plans == long[: len(said_.plans)]
    assert len(canonical_json(said_.to_json())) <= LARGEST_PROPOSAL


def scaled(replicas: int = 2, generation: int = 3) -> Situation:
    target = a_deployment(replicas=replicas, ready=replicas)
    target["metadata"]["generation"] = generation
    return Situation(target=target, related={HORIZONTAL_POD_AUTOSCALER.resource: []})


def honest_plan(situation: Situation | None = None) -> Plan:
    step = CATALOGUE[ActionName.SCALE_WORKLOAD].plan(
        situation or scaled(), {"replicas": "3"}, bounds=Bounds(), issued_at=NOW, step_name="act"
    )
    return a_plan(step)


class TestVote:
    def test_approves_what_the_present_objects_still_yield(self) -> None:
        plan = honest_plan()
        ballot = vote(plan, Proposal(serial=1, plans=[plan]), {str(TARGET): scaled()}, Bounds())
        assert (ballot.decision, ballot.reason) == (Decision.APPROVE, ResolutionReason.PLAN_UNCHANGED)

    def test_rejects_what_it_never_proposed(self) -> None:
        other = a_plan(a_step(summary="mine"), runbook="mine")
        for said_ in (None, Proposal(serial=1, plans=[other])):
            ballot = vote(honest_plan(), said_, {str(TARGET): scaled()}, Bounds())
            assert (ballot.decision, ballot.reason) == (Decision.REJECT, ResolutionReason.NOT_PROPOSED)

    def test_rejects_as_stale_what_was_made_for_other_values(self) -> None:
        plan = honest_plan()
        ballot = vote(plan, Proposal(serial=1, plans=[plan]), {str(TARGET): scaled(2, 4)}, Bounds())
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, ResolutionReason.PLAN_STALE)

    def test_rejects_what_is_done_already(self) -> None:
        plan = honest_plan()
        ballot = vote(plan, Proposal(serial=1, plans=[plan]), {str(TARGET): scaled(3)}, Bounds())
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, ResolutionReason.NOTHING_TO_CHANGE)

    def test_rejects_for_an_object_that_took_the_targets_place(self) -> None:
        plan = honest_plan()
        replaced = scaled()
        replaced.target["metadata"]["uid"] = "another"
        ballot = vote(plan, Proposal(serial=1, plans=[plan]), {str(TARGET): replaced}, Bounds())
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, ResolutionReason.TARGET_REPLACED)

    def test_rejects_for_an_object_that_is_gone(self) -> None:
        plan = honest_plan()
        ballot = vote(plan, Proposal(serial=1, plans=[plan]), {}, Bounds())
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, ResolutionReason.TARGET_NOT_FOUND)

    def test_rejects_what_the_policy_no_longer_bounds_in(self) -> None:
        plan = honest_plan()
        ballot = vote(plan, Proposal(serial=1, plans=[plan]), {str(TARGET): scaled()}, Bounds(max_replicas=2))
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, ResolutionReason.NO_LONGER_POSSIBLE)


class TestAgent:
    def world(self) -> World:
        made = World(seed=1)
        made.add_namespace("shop", managed=True)
        deployment = a_deployment(
            template={"metadata": {"labels": {"app": "web"}}, **a_deployment()["spec"]["template"]}
        )
        deployment["metadata"] = {"name": "web", "namespace": "shop"}
        deployment.pop("status")
        made.apply(DEPLOYMENT, "shop", deployment)
        made.clock.advance_to(made.clock.now() + timedelta(minutes=2))
        return made

    def case(self) -> Case:
        target = TARGET.model_copy(update={"uid": None, "generation": None})
        top = Hypothesis(cause=Cause.CPU_THROTTLED, object=target, confidence=90, summary="throttled")
        incident = an_incident(spec={"target_ref": target})
        return a_case(incident, said(Role.DIAGNOSIS, Diagnosis(hypotheses=[top])))

    async def test_proposes_from_packaged_runbooks_and_approves_its_own_plan(self) -> None:
        world = self.world()
        agent = ResolutionAgent(world.cluster(), [a_runbook()])
        case = self.case()
        body = await agent.speak(case)
        assert body is not None
        (plan,) = body.plans
        assert plan.runbook == "scale-out"
        voting = Case(NOW, case.incident, case.statements, said(Role.RESOLUTION, body))
        assert (await agent.vote(voting, plan)).decision is Decision.APPROVE

    async def test_a_runbook_of_the_cluster_comes_first(self) -> None:
        world = self.world()
        world.apply(RUNBOOK, None, a_runbook(replicas="5").to_json())
        body = await ResolutionAgent(world.cluster(), [a_runbook(replicas="3")]).speak(self.case())
        assert body is not None
        assert [p.steps[0].parameters["replicas"] for p in body.plans] == ["5"]

    async def test_says_once_in_the_log_which_fact_of_a_runbook_is_never_known(self) -> None:
        world = self.world()
        world.apply(RUNBOOK, None, a_runbook(replicas="${facts.desiredReplica}").to_json())
        agent = ResolutionAgent(world.cluster(), [])
        with capture_logs() as logs:
            body = await agent.speak(self.case())
            await agent.speak(self.case())
        [problem] = [one["problem"] for one in logs]
        assert "spec.steps[0].parameters.replicas: ${facts.desiredReplica}" in problem
        assert "nearest: desiredReplicas" in problem
        assert body is not None
        assert body.plans == []

    async def test_says_why_nothing_fits(self) -> None:
        world = self.world()
        body = await ResolutionAgent(world.cluster(), [a_runbook(cause=Cause.MEMORY_LEAK)]).speak(self.case())
        assert body is not None
        assert body.plans == []
        assert body.message

    def test_speaks_while_plans_are_asked_for(self) -> None:
        assert ResolutionAgent.speaks_in == {Phase.DIAGNOSING, Phase.PLANNING}
