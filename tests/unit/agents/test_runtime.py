"""The runtime: what is written, when, and what is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from incident_agents.agent import Ballot, Case
from incident_agents.runtime import LOOK_AGAIN_SECONDS, VOTE_VALIDITY, AgentIdentity, AgentRunner
from incident_commander.api.agent import Agent as AgentResource
from incident_commander.api.agent import AgentSpec
from incident_commander.api.incident import Incident, Member, Phase
from incident_commander.api.kinds import AGENT, INCIDENT, REMEDIATION_POLICY
from incident_commander.api.meta import ObjectMeta, format_time
from incident_commander.api.names import statement_annotation, vote_annotation
from incident_commander.api.plan import Plan
from incident_commander.api.role import Role
from incident_commander.api.statement import (
    AlertState,
    Assessment,
    Body,
    Decision,
    Measurement,
    Severity,
    Statement,
    Vote,
)
from incident_commander.consensus.envelope import open_signed, sign
from incident_commander.consensus.keys import SigningKey
from incident_commander.ports import PatchType
from incident_commander.rehearsal.identities import agent_account
from incident_commander.rehearsal.world import World
from tests.unit.agents.board import a_plan, an_incident

SAYING = Assessment(state=AlertState.FIRING, severity=Severity.WARNING, message="it burns")
KEYS = {role: SigningKey.from_seed(role.value.encode().ljust(32, b"x")) for role in Role}


class Scripted:
    """An agent that says and votes what the test wants."""

    speaks_in = frozenset({Phase.DIAGNOSING})

    def __init__(self, role: Role = Role.DETECTION) -> None:
        self.role = role
        self.body: Body | None = SAYING
        self.ballot = Ballot(Decision.APPROVE, "Because", "fine")
        self.cases: list[Case] = []
        self.meanwhile: Any = None

    async def speak(self, case: Case) -> Body | None:
        self.cases.append(case)
        return self.body

    async def vote(self, case: Case, plan: Plan) -> Ballot:
        self.cases.append(case)
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.ballot


class Stage:
    """A cluster with one Incident and the Agents, and runners of them."""

    def __init__(self) -> None:
        self.world = World(seed=3)
        self.world.add_namespace("shop")
        self.agents: list[AgentResource] = []
        for role in Role:
            self._install(role)

    @property
    def now(self) -> Any:
        return self.world.clock.now()

    def _install(self, role: Role) -> None:
        key = KEYS[role].public_key(self.now - timedelta(days=1), self.now + timedelta(days=30))
        made = AgentResource(metadata=ObjectMeta(name=role.value), spec=AgentSpec(role=role, public_keys=[key]))
        self.agents.append(made)
        self.world.apply(AGENT, None, made.to_json())

    def runner(self, agent: Scripted, **more: Any) -> AgentRunner:
        cluster = self.world.cluster(agent_account(agent.role.value))
        return AgentRunner(agent, AgentIdentity(agent.role.value, KEYS[agent.role]), cluster, self.world.clock, **more)

    async def open(self, phase: Phase = Phase.DIAGNOSING, **status: Any) -> Incident:
        body = an_incident().to_json()
        body["metadata"] = {"name": "web-down", "namespace": "shop"}
        body["status"] = {}
        self.world.apply(INCIDENT, "shop", body)
        return await self.set(phase=phase, planning_serial=1, **status)

    async def set(self, **status: Any) -> Incident:
        made = an_incident(**status).to_json()["status"]
        await self.world.cluster().patch(
            INCIDENT, "shop", "web-down", {"status": made}, patch_type=PatchType.MERGE, subresource="status"
        )
        return await self.read()

    async def voting(self, plan: Plan | None = None, **consensus: Any) -> Plan:
        incident = await self.read() if self._exists() else await self.open()
        plan = plan or a_plan(incident_uid=incident.metadata.uid)
        members = [Member(agent=r.value, role=r.value, key_ids=[KEYS[r].key_id]) for r in Role]
        values = {
            "round": 1,
            "plan_digest": plan.digest,
            "members": members,
            "quorum": 4,
            "deadline": self.now + timedelta(seconds=60),
        }
        await self.set(phase=Phase.VOTING, plan=plan, consensus={**values, **consensus})
        return plan

    def _exists(self) -> bool:
        return bool(list(self.world.api.store.scan(INCIDENT)))

    async def read(self) -> Incident:
        return Incident.model_validate(await self.world.cluster().get(INCIDENT, "shop", "web-down"))

    async def annotate(self, key: str, text: str) -> None:
        body = {"metadata": {"annotations": {key: text}}}
        await self.world.cluster().patch(INCIDENT, "shop", "web-down", body, patch_type=PatchType.MERGE)

    async def spoken(self, role: Role = Role.DETECTION) -> Statement | None:
        return self._opened((await self.read()).metadata.annotations.get(statement_annotation(role.value)))

    async def voted(self, role: Role = Role.DETECTION) -> Statement | None:
        return self._opened((await self.read()).metadata.annotations.get(vote_annotation(role.value)))

    def _opened(self, text: str | None) -> Statement | None:
        return open_signed(text, self.agents).statement if text is not None else None

    def writes(self) -> int:
        return len(self.world.audit.writes(user=agent_account("detection")))

    def statement(self, incident: Incident, role: Role, body: Body = SAYING, **changes: Any) -> Statement:
        values: dict[str, Any] = {
            "incident_uid": incident.metadata.uid,
            "incident": incident.key,
            "agent": role.value,
            "role": role.value,
            "issued_at": self.now,
            "expires_at": self.now + timedelta(hours=1),
            "body": body,
        }
        return Statement(**{**values, **changes})


@pytest.fixture
def stage() -> Stage:
    return Stage()


class TestSpeaking:
    async def test_signs_what_the_agent_says_about_this_incident(self, stage: Stage) -> None:
        incident = await stage.open()
        assert await stage.runner(Scripted()).reconcile("shop", "web-down") == LOOK_AGAIN_SECONDS
        statement = await stage.spoken()
        assert statement is not None
        assert statement.body == SAYING
        assert (statement.incident_uid, statement.agent, statement.role) == (
            incident.metadata.uid,
            "detection",
            "detection",
        )

    async def test_does_not_write_what_stands_there_already(self, stage: Stage) -> None:
        await stage.open()
        for _ in range(3):
            await stage.runner(Scripted()).reconcile("shop", "web-down")
        assert stage.writes() == 1

    async def test_is_silent_when_the_agent_has_nothing_to_say(self, stage: Stage) -> None:
        await stage.open()
        agent = Scripted()
        agent.body = None
        await stage.runner(agent).reconcile("shop", "web-down")
        assert stage.writes() == 0

    @pytest.mark.parametrize("phase", [Phase.PENDING, Phase.PLANNING, Phase.EXECUTING, Phase.RESOLVED])
    async def test_is_silent_in_other_phases(self, stage: Stage, phase: Phase) -> None:
        await stage.open(phase)
        agent = Scripted()
        assert await stage.runner(agent).reconcile("shop", "web-down") is None
        assert agent.cases == []

    async def test_is_silent_while_another_process_has_its_name(self, stage: Stage) -> None:
        await stage.open()
        agent = Scripted()
        assert await stage.runner(agent, in_charge=lambda: False).reconcile("shop", "web-down") is not None
        assert agent.cases == []

    async def test_an_incident_that_is_gone_needs_nothing(self, stage: Stage) -> None:
        assert await stage.runner(Scripted()).reconcile("shop", "nothing") is None

    async def test_what_does_not_fit_into_an_incident_is_not_said(self, stage: Stage) -> None:
        await stage.open()
        agent = Scripted()
        long = "x" * 1024
        cited = [{"kind": "Log", "ref": long, "path": long, "value": long} for _ in range(12)]
        hypothesis = {"cause": "Unknown", "confidence": 1, "summary": long, "evidence": cited}
        agent.body = Statement.model_validate(
            {
                **stage.statement(await stage.read(), Role.DETECTION).to_json(),
                "body": {"type": "Diagnosis", "hypotheses": [hypothesis] * 8},
            }
        ).body
        assert await stage.runner(agent).reconcile("shop", "web-down") == LOOK_AGAIN_SECONDS
        assert stage.writes() == 0


class TestVoice:
    """An agent whose signature would not count says nothing: it would only wake everybody up, for ever."""

    async def test_needs_an_agent_resource(self, stage: Stage) -> None:
        await stage.open()
        await stage.world.cluster().delete(AGENT, None, "detection")
        await stage.runner(Scripted()).reconcile("shop", "web-down")
        assert stage.writes() == 0

    async def test_needs_its_key_to_be_listed(self, stage: Stage) -> None:
        await stage.open()
        stranger = AgentIdentity("detection", SigningKey.from_seed(b"s" * 32))
        cluster = stage.world.cluster(agent_account("detection"))
        await AgentRunner(Scripted(), stranger, cluster, stage.world.clock).reconcile("shop", "web-down")
        assert stage.writes() == 0

    async def test_needs_its_key_to_be_valid_now(self, stage: Stage) -> None:
        await stage.open()
        ended = KEYS[Role.DETECTION].public_key(stage.now - timedelta(days=2), stage.now - timedelta(days=1))
        changed = {"spec": {"publicKeys": [ended.to_json()]}}
        await stage.world.cluster().patch(AGENT, None, "detection", changed, patch_type=PatchType.MERGE)
        await stage.runner(Scripted()).reconcile("shop", "web-down")
        assert stage.writes() == 0

    async def test_needs_its_own_role(self, stage: Stage) -> None:
        await stage.open()
        agent = Scripted(Role.DETECTION)
        agent.role = Role.PREDICTION
        cluster = stage.world.cluster(agent_account("detection"))
        identity = AgentIdentity("detection", KEYS[Role.DETECTION])
        await AgentRunner(agent, identity, cluster, stage.world.clock).reconcile("shop", "web-down")
        assert stage.writes() == 0


class TestHearing:
    """What an agent is told of the others."""

    async def heard(self, stage: Stage) -> Case:
        agent = Scripted()
        await stage.runner(agent).reconcile("shop", "web-down")
        return agent.cases[-1]

    async def test_a_signed_statement_is_heard(self, stage: Stage) -> None:
        incident = await stage.open()
        text = sign(stage.statement(incident, Role.PREDICTION), KEYS[Role.PREDICTION])
        await stage.annotate(statement_annotation("prediction"), text)
        assert Role.PREDICTION in (await self.heard(stage)).statements

    async def test_a_forged_one_is_not(self, stage: Stage) -> None:
        incident = await stage.open()
        text = sign(stage.statement(incident, Role.PREDICTION), KEYS[Role.DETECTION])
        await stage.annotate(statement_annotation("prediction"), text)
        assert Role.PREDICTION not in (await self.heard(stage)).statements

    async def test_one_about_another_incident_is_not(self, stage: Stage) -> None:
        incident = await stage.open()
        text = sign(stage.statement(incident, Role.PREDICTION, incident_uid="another"), KEYS[Role.PREDICTION])
        await stage.annotate(statement_annotation("prediction"), text)
        assert Role.PREDICTION not in (await self.heard(stage)).statements

    async def test_an_expired_one_is_not(self, stage: Stage) -> None:
        incident = await stage.open()
        text = sign(stage.statement(incident, Role.PREDICTION), KEYS[Role.PREDICTION])
        await stage.annotate(statement_annotation("prediction"), text)
        stage.world.clock.advance(3601)
        assert Role.PREDICTION not in (await self.heard(stage)).statements

    async def test_one_that_stands_in_anothers_place_is_not(self, stage: Stage) -> None:
        incident = await stage.open()
        text = sign(stage.statement(incident, Role.PREDICTION), KEYS[Role.PREDICTION])
        await stage.annotate(statement_annotation("diagnosis"), text)
        case = await self.heard(stage)
        assert not {Role.PREDICTION, Role.DIAGNOSIS} & set(case.statements)

    async def test_one_of_a_quarantined_agent_is_not(self, stage: Stage) -> None:
        incident = await stage.open()
        text = sign(stage.statement(incident, Role.PREDICTION), KEYS[Role.PREDICTION])
        await stage.annotate(statement_annotation("prediction"), text)
        quarantine = {"offence": "Equivocation", "incident": "shop/x", "since": format_time(stage.now)}
        await stage.world.cluster().patch(
            AGENT,
            None,
            "prediction",
            {"status": {"quarantine": quarantine}},
            patch_type=PatchType.MERGE,
            subresource="status",
        )
        assert Role.PREDICTION not in (await self.heard(stage)).statements

    async def test_its_own_former_word_is_known(self, stage: Stage) -> None:
        await stage.open()
        await self.heard(stage)
        own = (await self.heard(stage)).own
        assert own is not None
        assert own.body == SAYING


class TestVoting:
    async def test_binds_incident_round_plan_and_time(self, stage: Stage) -> None:
        plan = await stage.voting()
        assert await stage.runner(Scripted()).reconcile("shop", "web-down") is None
        statement = await stage.voted()
        assert statement is not None
        assert statement.incident_uid == (await stage.read()).metadata.uid
        assert statement.body == Vote(
            round=1, plan_digest=plan.digest, decision=Decision.APPROVE, reason="Because", message="fine"
        )
        assert statement.expires_at - statement.issued_at == VOTE_VALIDITY

    async def test_once_a_round_even_when_the_agent_changes_its_mind_or_restarts(self, stage: Stage) -> None:
        await stage.voting()
        agent = Scripted()
        await stage.runner(agent).reconcile("shop", "web-down")
        before = await stage.voted()
        agent.ballot = Ballot(Decision.REJECT, "Changed", "my mind")
        stage.world.clock.advance(1)
        await stage.runner(agent).reconcile("shop", "web-down")
        assert await stage.voted() == before
        assert stage.writes() == 1

    async def test_anew_in_the_next_round(self, stage: Stage) -> None:
        plan = await stage.voting()
        agent = Scripted()
        await stage.runner(agent).reconcile("shop", "web-down")
        await stage.voting(plan, round=2)
        await stage.runner(agent).reconcile("shop", "web-down")
        statement = await stage.voted()
        assert statement is not None
        assert isinstance(statement.body, Vote)
        assert statement.body.round == 2

    async def test_not_in_an_earlier_round_that_somebody_opens_again(self, stage: Stage) -> None:
        plan = await stage.voting()
        await stage.voting(plan, round=2)
        await stage.runner(Scripted()).reconcile("shop", "web-down")
        before = await stage.voted()
        await stage.voting(plan, round=1)
        await stage.runner(Scripted()).reconcile("shop", "web-down")
        assert await stage.voted() == before

    async def test_not_on_a_plan_that_is_not_what_its_digest_says(self, stage: Stage) -> None:
        honest = await stage.voting()
        await stage.voting(honest.model_copy(update={"runbook": "another"}))
        await stage.runner(Scripted()).reconcile("shop", "web-down")
        assert await stage.voted() is None

    async def test_not_on_a_plan_of_another_digest_than_announced(self, stage: Stage) -> None:
        await stage.voting(plan_digest="sha256:" + "0" * 64)
        await stage.runner(Scripted()).reconcile("shop", "web-down")
        assert await stage.voted() is None

    async def test_not_on_a_plan_for_another_incident(self, stage: Stage) -> None:
        await stage.open()
        await stage.voting(a_plan(incident_uid="another"))
        await stage.runner(Scripted()).reconcile("shop", "web-down")
        assert await stage.voted() is None

    async def test_not_after_the_deadline(self, stage: Stage) -> None:
        await stage.voting()
        stage.world.clock.advance(61)
        await stage.runner(Scripted()).reconcile("shop", "web-down")
        assert await stage.voted() is None

    async def test_not_when_it_is_no_member(self, stage: Stage) -> None:
        await stage.voting(members=[Member(agent="diagnosis", role="diagnosis", key_ids=[KEYS[Role.DIAGNOSIS].key_id])])
        await stage.runner(Scripted()).reconcile("shop", "web-down")
        assert await stage.voted() is None

    async def test_not_with_a_key_that_is_none_of_the_rounds(self, stage: Stage) -> None:
        await stage.voting(members=[Member(agent="detection", role="detection", key_ids=["0" * 64])])
        await stage.runner(Scripted()).reconcile("shop", "web-down")
        assert await stage.voted() is None

    async def test_not_when_the_round_ended_while_it_was_deciding(self, stage: Stage) -> None:
        plan = await stage.voting()
        agent = Scripted()

        async def meanwhile() -> None:
            await stage.voting(plan, round=2)

        agent.meanwhile = meanwhile
        assert await stage.runner(agent).reconcile("shop", "web-down") == 0.0
        assert await stage.voted() is None

    async def test_not_when_another_process_voted_while_it_was_deciding(self, stage: Stage) -> None:
        await stage.voting()
        agent, other = Scripted(), Scripted()
        other.ballot = Ballot(Decision.REJECT, "First", "here")

        async def meanwhile() -> None:
            await stage.runner(other).reconcile("shop", "web-down")

        agent.meanwhile = meanwhile
        await stage.runner(agent).reconcile("shop", "web-down")
        statement = await stage.voted()
        assert statement is not None
        assert isinstance(statement.body, Vote)
        assert statement.body.reason == "First"

    async def test_not_when_it_lost_its_name_while_it_was_deciding(self, stage: Stage) -> None:
        await stage.voting()
        agent, charge = Scripted(), [True]

        async def meanwhile() -> None:
            charge[0] = False

        agent.meanwhile = meanwhile
        await stage.runner(agent, in_charge=lambda: charge[0]).reconcile("shop", "web-down")
        assert await stage.voted() is None

    async def test_an_aside_is_written_together_with_the_vote(self, stage: Stage) -> None:
        await stage.voting()
        agent = Scripted()
        agent.ballot = Ballot(Decision.APPROVE, "Because", "fine", aside=Measurement(measurable=True))
        await stage.runner(agent).reconcile("shop", "web-down")
        statement = await stage.spoken()
        assert statement is not None
        assert statement.body == Measurement(measurable=True)
        assert stage.writes() == 1

    async def test_a_vote_outlives_the_wait_for_approval(self, stage: Stage) -> None:
        for name, seconds in (("slow", 3600), ("quick", 60)):
            body = {
                "apiVersion": "incidentcommander.io/v1alpha1",
                "kind": "RemediationPolicy",
                "metadata": {"name": name},
                "spec": {"mode": "Approve", "approval": {"expiresAfterSeconds": seconds}},
            }
            stage.world.apply(REMEDIATION_POLICY, None, body)
        plan = await stage.voting()
        incident = await stage.read()
        await stage.set(
            phase=Phase.VOTING, plan=plan, consensus=incident.status.consensus, mode="Approve", policy="slow"
        )
        await stage.runner(Scripted()).reconcile("shop", "web-down")
        statement = await stage.voted()
        assert statement is not None
        assert statement.expires_at - statement.issued_at == VOTE_VALIDITY + timedelta(seconds=3600)
