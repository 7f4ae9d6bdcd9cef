"""Communication: may it be done now, and what people are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from incident_agents.agent import Ballot
from incident_agents.communication.agent import CommunicationAgent
from incident_agents.communication.story import account, audience
from incident_agents.communication.vote import CommunicationReason, vote
from incident_agents.refusals import Objection
from incident_agents.rules import Rules
from incident_commander.api.kinds import DEPLOYMENT, REMEDIATION_POLICY
from incident_commander.api.meta import ObjectMeta
from incident_commander.api.plan import ActionName, Plan, Verb
from incident_commander.api.policy import Mode, RemediationPolicy, RemediationPolicySpec
from incident_commander.api.role import Role
from incident_commander.api.statement import Account, AlertState, Assessment, Decision, Severity
from incident_commander.rehearsal.world import World
from tests.unit.agents.board import (
    TARGET,
    a_case,
    a_deployment,
    a_diagnosis,
    a_plan,
    a_step,
    an_alert,
    an_incident,
    said,
)


def policy(mode: Mode = Mode.AUTO) -> RemediationPolicy:
    return RemediationPolicy(metadata=ObjectMeta(name="p"), spec=RemediationPolicySpec(mode=mode))


FROZEN = Objection("freeze", "FreezeWindow", "freeze window christmas is on")


class TestVote:
    @pytest.mark.parametrize(
        ("mode", "decision", "reason"),
        [
            (Mode.AUTO, Decision.APPROVE, CommunicationReason.ALLOWED_NOW),
            (Mode.APPROVE, Decision.APPROVE, CommunicationReason.APPROVAL_WILL_BE_ASKED),
            (Mode.OBSERVE, Decision.APPROVE, CommunicationReason.RECOMMENDATION_ONLY),
        ],
    )
    def test_says_what_the_mode_means(self, mode: Mode, decision: Decision, reason: CommunicationReason) -> None:
        ballot = vote(Rules(policy(mode)), None)
        assert (ballot.decision, ballot.reason) == (decision, reason)

    def test_an_objection_is_a_no(self) -> None:
        ballot = vote(Rules(policy(Mode.AUTO)), FROZEN)
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, "FreezeWindow")

    def test_nothing_stands_against_a_recommendation(self) -> None:
        for rules in (Rules(None), Rules(policy(Mode.OBSERVE))):
            assert vote(rules, FROZEN).reason == CommunicationReason.RECOMMENDATION_ONLY

    def test_a_policy_that_cannot_be_understood_is_an_abstention(self) -> None:
        ballot = vote(Rules(policy(Mode.AUTO), unreadable="broken"), None)
        assert (ballot.decision, ballot.reason) == (Decision.ABSTAIN, CommunicationReason.POLICY_UNREADABLE)
        assert "broken" in ballot.message


class TestStory:
    def tell(self, mode: Mode = Mode.AUTO, found: Objection | None = None, **spec: Any) -> Account:
        assessment = Assessment(state=AlertState.FIRING, severity=Severity.CRITICAL, message="WebDown is active")
        case = a_case(an_incident(spec=spec), said(Role.DIAGNOSIS, a_diagnosis()), said(Role.DETECTION, assessment))
        return account(case, a_plan(), Rules(policy(mode)), found, {})

    def test_begins_with_the_verdict(self) -> None:
        assert self.tell().story.startswith("About to be done: scale out")
        assert self.tell(Mode.APPROVE).story.startswith("Waiting for approval: scale out")
        assert self.tell(Mode.OBSERVE).story.startswith("Recommended: scale out")

    def test_says_what_is_in_the_way(self) -> None:
        told = self.tell(found=FROZEN)
        assert told.story.startswith("Held back (FreezeWindow): scale out\nIn the way: freeze window christmas")
        assert told.hold == FROZEN.message

    def test_says_why_what_and_what_next(self) -> None:
        story = self.tell().story
        for part in (
            "Cause: ImageNotFound (95 %)",
            "Symptom: Firing",
            "Plan: runbook scale-out",
            "can be undone",
            "Next:",
        ):
            assert part in story

    def test_the_same_facts_give_the_same_words(self) -> None:
        assert self.tell() == self.tell()

    def test_tells_that_a_person_must_approve(self) -> None:
        assert self.tell(Mode.APPROVE).approval_required
        assert not self.tell(Mode.AUTO).approval_required

    def test_without_a_diagnosis_it_says_so(self) -> None:
        told = account(a_case(), a_plan(), Rules(policy()), None, {})
        assert "no diagnosis could be read" in told.story


class TestAudience:
    def test_are_the_owners_on_alert_target_and_namespace_and_on_call_when_it_is_critical(self) -> None:
        incident = an_incident(spec={"alerts": [an_alert(team="payments")], "severity": Severity.CRITICAL})
        target = {"metadata": {"labels": {"owner": "web-crew"}}}
        namespace = {
            "metadata": {"annotations": {"incidentcommander.io/service-owner": "shop"}, "labels": {"team": "payments"}}
        }
        assert audience(incident, {"target": target, "namespace": namespace}) == [
            "on-call",
            "payments",
            "web-crew",
            "shop",
        ]

    def test_is_nobody_when_nobody_is_named(self) -> None:
        assert audience(an_incident(), {}) == []


class TestAgent:
    """The rules are the guards' own; here only that they are asked, with what they need."""

    def world(self, *, managed: bool = True, **spec: Any) -> World:
        made = World(seed=1)
        made.add_namespace("shop", managed=managed)
        template = {"metadata": {"labels": {"app": "web"}}, **a_deployment()["spec"]["template"]}
        deployment = a_deployment(template=template)
        deployment["metadata"] = {"name": "web", "namespace": "shop"}
        deployment.pop("status")
        made.apply(DEPLOYMENT, "shop", deployment)
        made.clock.advance_to(made.clock.now() + timedelta(minutes=2))
        body = {
            "apiVersion": "incidentcommander.io/v1alpha1",
            "kind": "RemediationPolicy",
            "metadata": {"name": "p"},
            "spec": {"mode": "Auto", "actions": ["ScaleWorkload"], **spec},
        }
        made.apply(REMEDIATION_POLICY, None, body)
        return made

    async def ballot(self, world: World, plan: Plan | None = None) -> Ballot:
        found = await world.cluster().get(DEPLOYMENT, "shop", "web")
        target = TARGET.model_copy(update={"uid": found["metadata"]["uid"]})
        wanted = plan or a_plan(a_step(target=target))
        return await CommunicationAgent(world.cluster()).vote(a_case(), wanted)

    async def test_approves_what_policy_allows(self) -> None:
        ballot = await self.ballot(self.world())
        assert (ballot.decision, ballot.reason) == (Decision.APPROVE, CommunicationReason.ALLOWED_NOW)
        assert isinstance(ballot.aside, Account)

    async def test_rejects_in_a_freeze_window(self) -> None:
        window = {"name": "now", "from": "2026-01-05T00:00:00Z", "until": "2026-01-06T00:00:00Z"}
        ballot = await self.ballot(self.world(freezeWindows=[window]))
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, "FreezeWindow")

    async def test_rejects_an_action_that_is_not_listed(self) -> None:
        ballot = await self.ballot(self.world(actions=["RestartRollout"]))
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, "ActionNotAllowed")

    async def test_rejects_what_is_not_opted_in(self) -> None:
        ballot = await self.ballot(self.world(managed=False))
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, "NotOptedIn")

    async def test_rejects_for_a_target_that_is_gone(self) -> None:
        gone = a_plan(a_step(target=TARGET.model_copy(update={"name": "gone"})))
        ballot = await self.ballot(self.world(), gone)
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, "TargetDeleted")

    async def test_asking_people_breaks_no_rule(self) -> None:
        step = a_step(ActionName.ESCALATE, verb=Verb.NONE, operations=[], pre_image=[])
        ballot = await self.ballot(self.world(managed=False), a_plan(step))
        assert ballot.decision is Decision.APPROVE
