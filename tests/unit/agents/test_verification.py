"""Verification: dry-run, undo, and whether success can be measured."""

from __future__ import annotations

from typing import Any

import pytest

from incident_agents.verification.agent import VerificationAgent
from incident_agents.verification.vote import DryRun, Instruments, Tried, VerificationReason, measurement, vote
from incident_commander import errors
from incident_commander.api.incident import AlertStatus
from incident_commander.api.kinds import DEPLOYMENT
from incident_commander.api.plan import PromQLCheck, Risk, Undo, Verb, VerificationPlan
from incident_commander.api.statement import Decision, Measurement
from incident_commander.ports import PatchType, Query, Series
from incident_commander.rehearsal.identities import agent_account
from incident_commander.rehearsal.world import World
from tests.unit.agents.board import TARGET, a_case, a_deployment, a_plan, a_step, an_alert, an_incident

WELL = Instruments(health="", alerts="")
PASSED = [DryRun("act", Tried.PASSED)]


class TestVote:
    def test_approves_what_passes_and_can_be_measured(self) -> None:
        ballot = vote(a_plan(), PASSED, WELL)
        assert (ballot.decision, ballot.reason) == (Decision.APPROVE, VerificationReason.DRY_RUN_PASSED)
        assert isinstance(ballot.aside, Measurement)
        assert ballot.aside.measurable

    @pytest.mark.parametrize(
        ("tried", "decision", "reason"),
        [
            (Tried.REFUSED, Decision.REJECT, VerificationReason.DRY_RUN_REFUSED),
            (Tried.CHANGED, Decision.REJECT, VerificationReason.TARGET_CHANGED),
            (Tried.UNKNOWN, Decision.ABSTAIN, VerificationReason.DRY_RUN_UNKNOWN),
        ],
    )
    def test_one_step_that_does_not_pass_decides(
        self, tried: Tried, decision: Decision, reason: VerificationReason
    ) -> None:
        ballot = vote(a_plan(), [*PASSED, DryRun("next", tried, "said no")], WELL)
        assert (ballot.decision, ballot.reason) == (decision, reason)
        assert "next: said no" in ballot.message

    def test_high_risk_without_undo_is_refused(self) -> None:
        final = a_step(risk=Risk.HIGH, undo=Undo(possible=False, reason="gone for good"))
        ballot = vote(a_plan(final), PASSED, WELL)
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, VerificationReason.NOT_UNDOABLE)

    def test_low_risk_without_undo_is_not(self) -> None:
        final = a_step(risk=Risk.LOW, undo=Undo(possible=False, reason="a new pod is made"))
        assert vote(a_plan(final), PASSED, WELL).decision is Decision.APPROVE

    @pytest.mark.parametrize(
        "broken",
        [
            Instruments(),
            Instruments(health="no right to list pods"),
            Instruments(health="", alerts="Prometheus is away"),
        ],
    )
    def test_what_cannot_be_measured_is_refused(self, broken: Instruments) -> None:
        ballot = vote(a_plan(), PASSED, broken)
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, VerificationReason.NOT_MEASURABLE)
        assert isinstance(ballot.aside, Measurement)
        assert not ballot.aside.measurable

    def test_a_check_without_data_now_is_a_doubt(self) -> None:
        ballot = vote(a_plan(), PASSED, Instruments(health="", queries="", doubt="no data now for errors"))
        assert (ballot.decision, ballot.reason) == (Decision.ABSTAIN, VerificationReason.NOT_MEASURABLE)

    def test_the_measurement_says_how_long_and_by_what(self) -> None:
        plan = a_plan(verification=VerificationPlan(window_seconds=600, settle_seconds=60))
        assert (
            measurement(plan, WELL).message
            == "measured for 10 min (the first 60 s to settle) by workload health, the alert"
        )


class _Prometheus:
    def __init__(self, up: float | None = 1.0, check: list[Series] | None = None) -> None:
        self._up, self._check = up, check

    async def query(self, query: Query, at: object) -> list[Series]:
        if self._up is None:
            raise errors.MetricsUnavailable("away")
        if query.name == "sources_up":
            return [Series({}, ((0.0, self._up),))]
        return self._check or []

    async def query_range(self, query: Query, start: object, end: object, step_seconds: int) -> list[Series]:
        raise AssertionError("not asked")


CHECK = PromQLCheck(name="errors", query="sum(errors)", operator="<", threshold="1")


class Bench:
    def __init__(self) -> None:
        self.world = World(seed=1)
        self.world.add_namespace("shop")
        template = {"metadata": {"labels": {"app": "web"}}, **a_deployment()["spec"]["template"]}
        deployment = a_deployment(template=template)
        deployment["metadata"] = {"name": "web", "namespace": "shop"}
        deployment.pop("status")
        self.uid = self.world.apply(DEPLOYMENT, "shop", deployment)["metadata"]["uid"]
        self.target = TARGET.model_copy(update={"uid": self.uid})

    async def vote(self, prometheus: _Prometheus | None = None, incident: Any = None, **step: Any) -> Any:
        plan = a_plan(a_step(**{"target": self.target, **step}), verification=self.verification)
        cluster = self.world.cluster(agent_account("verification"))
        return await VerificationAgent(cluster, prometheus or _Prometheus()).vote(a_case(incident), plan)

    verification = VerificationPlan()


@pytest.fixture
def bench() -> Bench:
    return Bench()


class TestDryRun:
    async def test_passes_without_writing_anything(self, bench: Bench) -> None:
        ballot = await bench.vote()
        assert ballot.reason == VerificationReason.DRY_RUN_PASSED
        found = await bench.world.cluster().get(DEPLOYMENT, "shop", "web")
        assert found["spec"]["replicas"] == 2
        assert bench.world.audit.writes(user=agent_account("verification")) == []

    async def test_of_another_object_than_planned_finds_the_change(self, bench: Bench) -> None:
        ballot = await bench.vote(target=TARGET.model_copy(update={"uid": "another"}))
        assert ballot.reason == VerificationReason.TARGET_CHANGED

    async def test_of_other_values_than_planned_finds_the_change(self, bench: Bench) -> None:
        changed = {"spec": {"replicas": 7}}
        await bench.world.cluster().patch(DEPLOYMENT, "shop", "web", changed, patch_type=PatchType.MERGE)
        ballot = await bench.vote()
        assert ballot.reason == VerificationReason.TARGET_CHANGED

    async def test_of_a_target_that_is_gone_finds_the_change(self, bench: Bench) -> None:
        ballot = await bench.vote(target=bench.target.model_copy(update={"name": "gone"}))
        assert ballot.reason == VerificationReason.TARGET_CHANGED

    async def test_of_something_invalid_is_refused(self, bench: Bench) -> None:
        wrong = a_step().operations[0].model_copy(update={"value": '"many"'})
        ballot = await bench.vote(operations=[wrong])
        assert ballot.reason == VerificationReason.DRY_RUN_REFUSED

    async def test_asking_people_needs_none(self, bench: Bench) -> None:
        ballot = await bench.vote(verb=Verb.NONE, operations=[], pre_image=[])
        assert ballot.decision is Decision.APPROVE


class _Failing:
    """The cluster, but every patch fails in one way."""

    def __init__(self, bench: Bench, error: errors.ClusterError) -> None:
        real = bench.world.cluster()
        self.get, self.list, self.create = real.get, real.list, real.create
        self.delete, self.evict, self.logs, self.offers = real.delete, real.evict, real.logs, real.offers
        self._error = error
        self.tries = 0

    async def patch(self, *_: object, **__: object) -> dict[str, object]:
        self.tries += 1
        raise self._error


@pytest.mark.parametrize(
    ("error", "reason", "tries"),
    [
        (errors.Conflict("moved on"), VerificationReason.DRY_RUN_UNKNOWN, 3),
        (errors.Unavailable("away"), VerificationReason.DRY_RUN_UNKNOWN, 1),
        (errors.Throttled("later"), VerificationReason.DRY_RUN_UNKNOWN, 1),
        (errors.Forbidden("User cannot patch resource"), VerificationReason.DRY_RUN_UNKNOWN, 1),
        (errors.Forbidden('ValidatingAdmissionPolicy "x" denied request'), VerificationReason.DRY_RUN_REFUSED, 1),
        (errors.Invalid("spec.replicas: must be positive"), VerificationReason.DRY_RUN_REFUSED, 1),
    ],
)
async def test_what_the_api_server_says_is_told_apart(
    bench: Bench, error: errors.ClusterError, reason: VerificationReason, tries: int
) -> None:
    cluster = _Failing(bench, error)
    plan = a_plan(a_step(target=bench.target))
    ballot = await VerificationAgent(cluster, _Prometheus()).vote(a_case(), plan)
    assert ballot.reason == reason
    assert cluster.tries == tries


class TestInstruments:
    async def test_prometheus_that_is_away_cannot_tell_whether_the_alert_ended(self, bench: Bench) -> None:
        ballot = await bench.vote(_Prometheus(up=None))
        assert ballot.reason == VerificationReason.NOT_MEASURABLE

    async def test_prometheus_that_hears_nobody_cannot_either(self, bench: Bench) -> None:
        ballot = await bench.vote(_Prometheus(up=0.0))
        assert ballot.reason == VerificationReason.NOT_MEASURABLE

    async def test_an_alert_that_alertmanager_ended_needs_no_prometheus(self, bench: Bench) -> None:
        ended = an_incident(spec={"alerts": [an_alert(status=AlertStatus.RESOLVED)]})
        ballot = await bench.vote(_Prometheus(up=None), ended)
        assert ballot.decision is Decision.APPROVE

    async def test_a_check_with_data_can_be_measured(self, bench: Bench) -> None:
        bench.verification = VerificationPlan(promql=[CHECK])
        ballot = await bench.vote(_Prometheus(check=[Series({}, ((0.0, 5.0),))]))
        assert ballot.decision is Decision.APPROVE

    async def test_a_check_without_data_is_a_doubt(self, bench: Bench) -> None:
        bench.verification = VerificationPlan(promql=[CHECK])
        ballot = await bench.vote(_Prometheus())
        assert (ballot.decision, ballot.reason) == (Decision.ABSTAIN, VerificationReason.NOT_MEASURABLE)
