"""What the executor would refuse is known before the vote: by three agents, each from its own reads."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from incident_agents.agent import Ballot, Case
from incident_agents.assembly import build_agent
from incident_agents.refusals import HISTORY_FRESH, PATIENCE, Rulebook, RulebookReader
from incident_commander.actions.action import Bounds
from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api import kinds
from incident_commander.api.incident import Attempt, Incident, Member, RecordedVote, RoundDecision, StepOutcome
from incident_commander.api.meta import TargetRef, format_time
from incident_commander.api.plan import ActionName, Plan, Verb
from incident_commander.api.role import Role
from incident_commander.api.statement import Decision, Proposal
from incident_commander.consensus.membership import quorum
from incident_commander.consensus.tally import tally
from incident_commander.errors import Forbidden, Refusal
from incident_commander.evidence.situation import read_situation
from incident_commander.guards.chain import PASSING
from incident_commander.ports import PatchType, Query, Series
from incident_commander.rehearsal.identities import agent_account
from incident_commander.rehearsal.world import World
from incident_commander.surroundings import BREAKER_CONFIG_MAP
from tests.unit.agents.board import a_case, a_deployment, a_plan, a_step, an_alert, an_incident, said

OPERATOR = "incident-commander"


class Scene:
    """A healthy, opted-in Deployment under an Auto policy, and a plan to scale it; tests change one thing."""

    def __init__(self, namespace: str = "shop", *, managed: bool = True, **spec: Any) -> None:
        self.world = World(seed=1)
        self.namespace = namespace
        if namespace == "shop":
            self.world.add_namespace(namespace, managed=managed)
        self.world.add_node("n1")
        template = {"metadata": {"labels": {"app": "web"}}, **a_deployment()["spec"]["template"]}
        body = {"metadata": {"name": "web"}, "spec": {**a_deployment()["spec"], "template": template}}
        self.world.apply(kinds.DEPLOYMENT, namespace, body)
        self.policy(**{"mode": "Auto", "actions": ["ScaleWorkload"], **spec})
        self.later(120)

    def policy(self, name: str = "p", **spec: Any) -> None:
        body = {"apiVersion": "incidentcommander.io/v1alpha1", "kind": "RemediationPolicy"}
        self.world.apply(kinds.REMEDIATION_POLICY, None, {**body, "metadata": {"name": name}, "spec": spec})

    def later(self, seconds: float) -> None:
        self.world.clock.advance_to(self.world.clock.now() + timedelta(seconds=seconds))

    async def mark(self, **metadata: dict[str, str]) -> None:
        await self.world.cluster().patch(
            kinds.DEPLOYMENT, self.namespace, "web", {"metadata": metadata}, patch_type=PatchType.MERGE
        )

    async def past(self, outcome: StepOutcome = StepOutcome.APPLIED, *, ago: float = 60, terminal: bool = True) -> None:
        """Another Incident that acted on the same target."""
        at = self.world.clock.now() - timedelta(seconds=ago)
        step = a_step(target=self.target())
        record = {
            "name": "act",
            "action": step.action,
            "target": step.target.to_json(),
            "verb": "Patch",
            "outcome": outcome,
            "finishedAt": format_time(at),
        }
        attempt = Attempt(
            id=f"1-{ago}", round=1, plan_digest="sha256:x", started_at=at, outcome=outcome, runbook="scale-out"
        )
        body = {
            **attempt.to_json(),
            "steps": [record],
            "finishedAt": format_time(at),
            "fingerprints": [an_alert().fingerprint],
        }
        name = f"past-{ago:.0f}"
        head = {"apiVersion": "incidentcommander.io/v1alpha1", "kind": "Incident", "metadata": {"name": name}}
        self.world.apply(kinds.INCIDENT, self.namespace, {**head, "spec": {}})
        status = {"phase": "Resolved" if terminal else "Verifying", "execution": {"attempts": [body]}}
        await self.world.cluster().patch(
            kinds.INCIDENT,
            self.namespace,
            name,
            {"status": status},
            patch_type=PatchType.MERGE,
            subresource="status",
        )

    def target(self) -> TargetRef:
        found = next(iter(self.world.api.store.scan(kinds.DEPLOYMENT)))
        meta = found["metadata"]
        return TargetRef(
            api_version="apps/v1",
            kind="Deployment",
            namespace=self.namespace,
            name="web",
            uid=meta["uid"],
            generation=meta["generation"],
        )

    def incident(self, **status: Any) -> Incident:
        made = an_incident(spec={"target_ref": self.target().model_copy(update={"generation": None})}, **status)
        return made.model_copy(update={"metadata": made.metadata.model_copy(update={"namespace": self.namespace})})

    async def plan(self) -> Plan:
        situation = await read_situation(self.world.cluster(), self.target())
        step = CATALOGUE[ActionName.SCALE_WORKLOAD].plan(
            situation, {"replicas": "3"}, bounds=Bounds(), issued_at=self.world.clock.now(), step_name="act"
        )
        return a_plan(step, issued_at=self.world.clock.now(), object=self.target())

    async def book(self, plan: Plan, **status: Any) -> Rulebook:
        cluster = self.world.cluster(agent_account("communication"))
        reader = RulebookReader(cluster, OPERATOR)
        return await reader.read(self.incident(**status), [step.target for step in plan.steps], self.world.clock.now())


async def frozen(scene: Scene, hours: float) -> None:
    now = scene.world.clock.now()
    window = {"name": "w", "from": format_time(now), "until": format_time(now + timedelta(hours=hours))}
    scene.policy("freeze", mode="Auto", actions=["ScaleWorkload"], freezeWindows=[window])


async def tripped(scene: Scene) -> None:
    scene.world.set_config(OPERATOR, BREAKER_CONFIG_MAP, {"state": "Tripped", "reason": "3 of 5 failed"})


async def looped(scene: Scene) -> None:
    await scene.past(ago=7200)
    await scene.past(ago=9000)


async def opted_out(scene: Scene) -> None:
    await scene.mark(labels={"incidentcommander.io/managed": "false"})


async def kept_by_argo(scene: Scene) -> None:
    await scene.mark(annotations={"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"})


async def opted_in(scene: Scene) -> None:
    await scene.mark(labels={"incidentcommander.io/managed": "true"})


async def untouched(scene: Scene) -> None:
    pass


LASTING: dict[str, tuple[Callable[[], Scene], Callable[[Scene], Coroutine[Any, Any, None]]]] = {
    "OptedOut": (Scene, opted_out),
    "NotOptedIn": (lambda: Scene(managed=False), untouched),
    "SystemNamespace": (lambda: Scene("kube-system"), opted_in),
    "ActionNotAllowed": (lambda: Scene(actions=["RestartRollout"]), untouched),
    "BreakerTripped": (Scene, tripped),
    "LoopDetected": (Scene, looped),
    "OwnedByGitOps": (Scene, kept_by_argo),
}


@pytest.fixture(params=LASTING)
async def refused(request: pytest.FixtureRequest) -> tuple[str, Scene]:
    make, change = LASTING[request.param]
    scene = make()
    await change(scene)
    return request.param, scene


class TestLasting:
    async def test_is_never_proposed(self, refused: tuple[str, Scene]) -> None:
        reason, scene = refused
        plan = await scene.plan()
        with pytest.raises(Refusal) as refusal:
            (await scene.book(plan)).refuse(plan)
        assert refusal.value.reason == reason

    async def test_is_turned_down_by_three_agents_so_that_it_cannot_be_certified(
        self, refused: tuple[str, Scene]
    ) -> None:
        reason, scene = refused
        plan = await scene.plan()
        ballots = {role: await ballot(scene, role, plan) for role in JUDGES}
        assert {role: (b.decision, b.reason) for role, b in ballots.items()} == dict.fromkeys(
            JUDGES, (Decision.REJECT, reason)
        )
        assert len({b.message.split(":")[0] for b in ballots.values()}) == 3, "each says why it is for itself to say"
        assert decided(ballots) is RoundDecision.REJECTED


class TestPassing:
    async def test_what_ends_soon_is_waited_for_and_no_reason_for_a_no(self) -> None:
        scene = Scene()
        await frozen(scene, PATIENCE / timedelta(hours=2))
        plan = await scene.plan()
        book = await scene.book(plan)
        book.refuse(plan)
        assert book.certain(plan) is None
        assert [(o.guard, o.reason) for o in [book.passing(plan)] if o] == [("freeze", "FreezeWindow")]

    async def test_what_outlasts_the_votes_is_turned_down_and_still_may_be_proposed_later(self) -> None:
        scene = Scene()
        await frozen(scene, 4)
        plan = await scene.plan()
        book = await scene.book(plan)
        book.refuse(plan)
        assert {(await ballot(scene, role, plan)).reason for role in JUDGES} == {"FreezeWindow"}
        assert decided({role: await ballot(scene, role, plan) for role in JUDGES}) is RoundDecision.REJECTED

    async def test_a_cool_down_says_until_when(self) -> None:
        scene = Scene(limits={"cooldownSeconds": 3600})
        await scene.past(ago=60)
        plan = await scene.plan()
        held = (await scene.book(plan)).passing(plan)
        assert held is not None
        assert held.reason == "Cooldown"
        assert held.until is not None
        assert held.until.replace(microsecond=0) == scene.world.clock.now().replace(microsecond=0) + timedelta(
            seconds=3540
        )

    @pytest.mark.parametrize(
        ("reason", "limits", "past"),
        [
            ("Cooldown", {}, {"ago": 60}),
            ("HourlyBudgetSpent", {"maxPerHour": 1, "cooldownSeconds": 0}, {"ago": 60}),
            ("TargetLocked", {"cooldownSeconds": 0}, {"ago": 60, "terminal": False}),
            ("TooManyAtOnce", {"cooldownSeconds": 0, "maxConcurrent": 1}, {"ago": 60, "terminal": False}),
        ],
    )
    async def test_says_nothing_against_the_plan_itself(
        self, reason: str, limits: dict[str, int], past: dict[str, Any]
    ) -> None:
        scene = Scene(limits=limits)
        await scene.past(**past)
        plan = await scene.plan()
        held = (await scene.book(plan)).objections(plan)[-1]
        assert held.reason == reason
        assert held.until is not None
        assert held.reason in PASSING

    async def test_of_two_the_longer_is_named(self) -> None:
        scene = Scene(limits={"cooldownSeconds": 900})
        await scene.past(ago=60)
        await frozen(scene, 4)
        plan = await scene.plan()
        held = (await scene.book(plan)).passing(plan)
        assert held is not None
        assert held.reason == "FreezeWindow"


class TestNothingStandsAgainst:
    async def test_an_allowed_plan(self) -> None:
        scene = Scene()
        plan = await scene.plan()
        assert (await scene.book(plan)).objections(plan) == []
        ballots = {role: await ballot(scene, role, plan) for role in JUDGES}
        assert {b.decision for b in ballots.values()} == {Decision.APPROVE}
        assert decided(ballots) is RoundDecision.CERTIFIED

    async def test_a_recommendation(self) -> None:
        scene = Scene(managed=False, mode="Observe")
        plan = await scene.plan()
        assert (await scene.book(plan)).objections(plan) == []

    async def test_asking_people(self) -> None:
        scene = Scene(managed=False)
        plan = a_plan(a_step(ActionName.ESCALATE, verb=Verb.NONE, operations=[], pre_image=[], target=scene.target()))
        assert (await scene.book(plan)).objections(plan) == []

    async def test_what_is_proposed_to_people_only(self) -> None:
        scene = Scene()
        await kept_by_argo(scene)
        plan = await scene.plan()
        proposed = a_plan(*plan.steps, proposal_only=True, proposal_reason="kept by Argo CD")
        assert (await scene.book(proposed)).objections(proposed) == []


class TestNotToBeRead:
    async def test_a_breaker_that_an_agent_may_not_read_is_left_to_the_executor(self) -> None:
        scene = Scene()
        await tripped(scene)
        scene.world.faults.inject(lambda: Forbidden("no"), resource="configmaps", times=None)
        plan = await scene.plan()
        assert (await scene.book(plan)).objections(plan) == []

    async def test_a_history_that_nobody_understands_is_a_refusal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = Scene()
        await scene.past()
        monkeypatch.setattr("incident_commander.surroundings.Attempt", Member)  # a later version's attempt, to us
        plan = await scene.plan()
        certain = (await scene.book(plan)).certain(plan)
        assert certain is not None
        assert certain.reason == "HistoryUnreadable"


JUDGES = (Role.RESOLUTION, Role.COMMUNICATION, Role.VERIFICATION)


class _Prometheus:
    async def query(self, query: Query, at: object) -> list[Series]:
        return [Series({}, ((0.0, 1.0),))]

    async def query_range(self, query: Query, start: object, end: object, step_seconds: int) -> list[Series]:
        raise AssertionError("not asked")


async def ballot(scene: Scene, role: Role, plan: Plan, disabled_actions: frozenset[ActionName] = frozenset()) -> Ballot:
    world = scene.world
    agent = build_agent(
        role,
        cluster=world.cluster(agent_account(role.value)),
        metrics=_Prometheus(),
        clock=world.clock,
        runbooks=[],
        disabled_actions=disabled_actions,
    )
    own = said(Role.RESOLUTION, Proposal(serial=1, plans=[plan]))
    case = a_case(scene.incident())
    return await agent.vote(Case(world.clock.now(), case.incident, {}, own), plan)


def decided(ballots: dict[Role, Ballot]) -> RoundDecision:
    """With everybody else in favour."""
    members = [Member(agent=role.value, role=role, key_ids=["k"]) for role in Role]
    votes = [
        RecordedVote(
            agent=role.value,
            role=role,
            decision=ballots[role].decision if role in ballots else Decision.APPROVE,
            reason="r",
            at=a_case().now,
            envelope="e",
        )
        for role in Role
    ]
    return tally(votes, members, quorum(len(members)), ()).decision


class TestDisabledActions:
    """What the installation does not enable is refused in every mode, before anybody votes."""

    @pytest.mark.parametrize("mode", ["Observe", "Approve", "Auto"])
    async def test_are_no_candidates(self, mode: str) -> None:
        scene = Scene(mode=mode)
        plan = await scene.plan()
        scale = frozenset({ActionName.SCALE_WORKLOAD})
        reader = RulebookReader(scene.world.cluster(agent_account("resolution")), OPERATOR, scale)
        book = await reader.read(scene.incident(), [scene.target()], scene.world.clock.now())
        with pytest.raises(Refusal, match=r"actions\.ScaleWorkload=true") as refused:
            book.refuse(plan)
        assert refused.value.reason == "ActionDisabled"

    async def test_are_voted_down_by_three_should_they_be_proposed_all_the_same(self) -> None:
        scene = Scene()
        plan = await scene.plan()
        off = frozenset({ActionName.SCALE_WORKLOAD})
        ballots = {role: await ballot(scene, role, plan, disabled_actions=off) for role in JUDGES}
        assert {b.decision for b in ballots.values()} == {Decision.REJECT}
        assert decided(ballots) is RoundDecision.REJECTED


class TestHistory:
    async def test_is_listed_once_for_many_votes_and_again_after_some_seconds(self) -> None:
        scene = Scene()
        await scene.past()
        user = agent_account("communication")
        reader, targets = RulebookReader(scene.world.cluster(user), OPERATOR), [scene.target()]

        async def read() -> tuple[int, int]:
            book = await reader.read(scene.incident(), targets, scene.world.clock.now())
            asked = [e.call for e in scene.world.audit.entries if e.call.user == user and e.call.verb == "list"]
            return len(book.history), len([call for call in asked if call.resource == kinds.INCIDENT.resource])

        assert await read() == (1, 1)
        assert await read() == (1, 1)
        scene.later(HISTORY_FRESH.total_seconds())
        assert await read() == (1, 2)

    async def test_of_the_incident_itself_is_never_an_old_one(self) -> None:
        scene = Scene()
        cluster, targets = scene.world.cluster(agent_account("communication")), [scene.target()]
        reader = RulebookReader(cluster, OPERATOR)
        before = await reader.read(scene.incident(), targets, scene.world.clock.now())
        attempt = Attempt(
            id="1", round=1, plan_digest="sha256:x", started_at=scene.world.clock.now(), outcome=StepOutcome.UNDONE
        )
        tried = scene.incident(execution={"attempts": [attempt]})
        after = await reader.read(tried, targets, scene.world.clock.now())
        assert (len(before.history), [past.attempt.id for past in after.history]) == (0, ["1"])
