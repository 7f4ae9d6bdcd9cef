"""Detection: firing, flapping, gone or unknown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from incident_agents.agent import Case
from incident_agents.detection.agent import DetectionAgent
from incident_agents.detection.alerts import AlertView, Presence, state_of, view_alert
from incident_agents.detection.assess import DetectionReason, assess, vote
from incident_agents.evidence_source import EvidenceSource
from incident_commander.api.incident import AlertStatus, Phase
from incident_commander.api.kinds import DEPLOYMENT
from incident_commander.api.role import Role
from incident_commander.api.statement import AlertState, Assessment, Decision, Severity
from incident_commander.errors import MetricsUnavailable
from incident_commander.evidence.health import WorkloadHealth
from incident_commander.ports import Query, Series
from incident_commander.rehearsal.world import World
from tests.unit.agents.board import (
    NOW,
    TARGET,
    a_case,
    a_deployment,
    a_plan,
    a_pod,
    a_replica_set,
    an_alert,
    an_incident,
    evidence_of,
    said,
)

STEP = 30


def line(*times: int, state: str = "firing") -> Series:
    return Series({"alertname": "WebDown", "alertstate": state}, tuple((float(t * STEP), 1.0) for t in times))


def health(healthy: bool | None, reason: str = "x", **counts: int) -> WorkloadHealth:
    return WorkloadHealth(TARGET, True, healthy, reason, "seen", **counts)  # type: ignore[arg-type]


class TestOneAlert:
    def test_a_series_now_is_active_and_pending_is_too(self) -> None:
        assert view_alert(an_alert(), [line(9)], [line(8, 9)], STEP).presence is Presence.ACTIVE
        pending = [line(9, state="pending")]
        assert view_alert(an_alert(), pending, pending, STEP).presence is Presence.ACTIVE

    def test_none_now_but_some_before_is_absent(self) -> None:
        assert view_alert(an_alert(), [], [line(1, 2, 3)], STEP).presence is Presence.ABSENT

    def test_one_that_prometheus_never_evaluated_is_unheard(self) -> None:
        assert view_alert(an_alert(), [], [], STEP).presence is Presence.UNHEARD

    def test_a_question_without_an_answer_is_unheard(self) -> None:
        assert view_alert(an_alert(), None, [line(1)], STEP).presence is Presence.UNHEARD

    def test_each_gap_is_a_new_start(self) -> None:
        assert view_alert(an_alert(), [], [line(1, 2, 5, 6, 20)], STEP).starts == 3

    def test_pending_before_firing_is_no_start_of_its_own(self) -> None:
        history = [line(1, 2, state="pending"), line(3, 4)]
        assert view_alert(an_alert(), [line(4)], history, STEP).starts == 1

    def test_two_pods_that_fire_at_the_same_time_are_one_start(self) -> None:
        assert view_alert(an_alert(), [line(3)], [line(1, 2, 3), line(2, 3)], STEP).starts == 1


class TestAllAlerts:
    def view(self, presence: Presence, starts: int = 1, status: AlertStatus = AlertStatus.FIRING) -> AlertView:
        return AlertView(an_alert(status=status), presence, starts)

    def test_any_active_one_is_firing(self) -> None:
        assert state_of([self.view(Presence.ABSENT), self.view(Presence.ACTIVE)]) is AlertState.FIRING

    def test_all_absent_is_gone(self) -> None:
        assert state_of([self.view(Presence.ABSENT), self.view(Presence.ABSENT)]) is AlertState.GONE

    def test_three_starts_are_flapping(self) -> None:
        assert state_of([self.view(Presence.ABSENT, starts=3)]) is AlertState.FLAPPING

    def test_one_that_nobody_can_tell_of_is_unknown_and_not_gone(self) -> None:
        assert state_of([self.view(Presence.ABSENT), self.view(Presence.UNHEARD)]) is AlertState.UNKNOWN

    def test_alertmanagers_end_counts_where_prometheus_knows_nothing(self) -> None:
        ended = self.view(Presence.UNHEARD, status=AlertStatus.RESOLVED)
        assert state_of([ended]) is AlertState.GONE

    def test_alertmanagers_end_does_not_count_against_prometheus(self) -> None:
        assert state_of([self.view(Presence.ACTIVE, status=AlertStatus.RESOLVED)]) is AlertState.FIRING

    def test_no_alert_is_unknown(self) -> None:
        assert state_of([]) is AlertState.UNKNOWN


ACTIVE, ABSENT, UNHEARD = (AlertView(an_alert(), presence, 1) for presence in Presence)


class TestAssessment:
    @pytest.mark.parametrize(
        ("views", "seen", "expected"),
        [
            ([ACTIVE], health(True), AlertState.FIRING),
            ([ABSENT], health(False), AlertState.FIRING),
            ([ABSENT], health(True), AlertState.GONE),
            ([ABSENT], health(None), AlertState.UNKNOWN),
            ([ABSENT], health(None, "KindNotJudged"), AlertState.GONE),
            ([ABSENT], None, AlertState.GONE),
            ([UNHEARD], health(True), AlertState.UNKNOWN),
            ([UNHEARD], health(False), AlertState.FIRING),
            ([], health(False), AlertState.FIRING),
            ([], health(True), AlertState.UNKNOWN),
            ([], None, AlertState.UNKNOWN),
        ],
    )
    def test_alerts_and_health_together(
        self, views: list[AlertView], seen: WorkloadHealth | None, expected: AlertState
    ) -> None:
        assert assess(an_incident(), views, seen, evidence_of()).state is expected

    def test_an_outage_is_critical_whatever_the_rule_says(self) -> None:
        out = health(False, desired=2, ready=0)
        assert assess(an_incident(), [ACTIVE], out, evidence_of()).severity is Severity.CRITICAL

    def test_a_part_that_is_out_keeps_the_rules_severity(self) -> None:
        partly = health(False, desired=2, ready=1)
        assert assess(an_incident(), [ACTIVE], partly, evidence_of()).severity is Severity.WARNING

    def test_many_alerts_are_a_storm(self) -> None:
        assert assess(an_incident(spec={"omitted_alerts": 19}), [ACTIVE], None, evidence_of()).storm
        assert not assess(an_incident(spec={"omitted_alerts": 5}), [ACTIVE], None, evidence_of()).storm

    def test_pins_the_target_and_cites_what_it_saw(self) -> None:
        found = assess(an_incident(), [ACTIVE], health(False, desired=2, ready=1), evidence_of(a_deployment(ready=1)))
        assert found.target is not None
        assert found.target.uid == "w1"
        cited = found.evidence[-1]
        assert (cited.ref, cited.path, cited.value, cited.resource_version) == (
            "Deployment/shop/web",
            "status.readyReplicas",
            "1",
            "9",
        )

    def test_does_not_pin_an_object_that_took_the_targets_place(self) -> None:
        replaced = a_deployment()
        replaced["metadata"]["uid"] = "another"
        found = assess(an_incident(), [ACTIVE], None, evidence_of(replaced))
        assert found.target is not None
        assert found.target.uid == "w1"


class TestVote:
    @pytest.mark.parametrize(
        ("state", "decision", "reason"),
        [
            (AlertState.FIRING, Decision.APPROVE, DetectionReason.SYMPTOM_PRESENT),
            (AlertState.FLAPPING, Decision.APPROVE, DetectionReason.SYMPTOM_FLAPPING),
            (AlertState.GONE, Decision.REJECT, DetectionReason.SYMPTOM_GONE),
            (AlertState.UNKNOWN, Decision.ABSTAIN, DetectionReason.SYMPTOM_UNKNOWN),
        ],
    )
    def test_is_whether_the_symptom_is_there(
        self, state: AlertState, decision: Decision, reason: DetectionReason
    ) -> None:
        ballot = vote(an_incident(), Assessment(state=state, severity=Severity.WARNING))
        assert (ballot.decision, ballot.reason) == (decision, reason)

    def test_a_prediction_has_no_symptom_yet(self) -> None:
        predicted = an_incident(spec={"predicted": True})
        ballot = vote(predicted, Assessment(state=AlertState.GONE, severity=Severity.WARNING))
        assert (ballot.decision, ballot.reason) == (Decision.ABSTAIN, DetectionReason.SYMPTOM_PREDICTED)


class _Prometheus:
    """Answers by query name; None raises."""

    def __init__(self, now: list[Series] | None, history: list[Series] | None, *, up: bool = True) -> None:
        self._now, self._history, self._up = now, history, up

    async def query(self, query: Query, at: object) -> list[Series]:
        if query.name == "sources_up":
            return [Series({"job": "x"}, ((0.0, 1.0 if self._up else 0.0),))]
        return _or_raise(self._now)

    async def query_range(self, query: Query, start: object, end: object, step_seconds: int) -> list[Series]:
        return _or_raise(self._history)


def _or_raise(found: list[Series] | None) -> list[Series]:
    if found is None:
        raise MetricsUnavailable("away")
    return found


class TestAgent:
    def agent(self, world: World, prometheus: _Prometheus | None) -> DetectionAgent:
        return DetectionAgent(EvidenceSource(world.cluster(), None, world.clock), prometheus)

    def world(self, *, ready: bool) -> World:
        made = World(seed=1)
        made.add_namespace("shop")
        return made

    async def test_prometheus_that_hears_nobody_proves_nothing(self) -> None:
        agent = self.agent(self.world(ready=True), _Prometheus([], [line(1)], up=False))
        found = await agent.speak(a_case(an_incident(spec={"target_ref": None})))
        assert found is not None
        assert found.state is AlertState.UNKNOWN

    async def test_prometheus_that_is_away_proves_nothing(self) -> None:
        agent = self.agent(self.world(ready=True), _Prometheus(None, None))
        found = await agent.speak(a_case(an_incident(spec={"target_ref": None})))
        assert found is not None
        assert found.state is AlertState.UNKNOWN

    async def test_a_target_that_does_not_exist_is_a_symptom(self) -> None:
        agent = self.agent(self.world(ready=True), _Prometheus([], [line(1)]))
        found = await agent.speak(a_case())
        assert found is not None
        assert found.state is AlertState.FIRING
        assert "does not exist" in found.message

    async def test_speaks_again_only_when_the_symptom_has_gone(self) -> None:
        incident = an_incident(spec={"target_ref": None})
        before = said(Role.DETECTION, Assessment(state=AlertState.FIRING, severity=Severity.WARNING))
        world = self.world(ready=True)
        firing = self.agent(world, _Prometheus([line(1)], [line(1)]))
        assert await firing.speak(Case(NOW, incident, {}, before)) is None
        gone = self.agent(world, _Prometheus([], [line(1)]))
        found = await gone.speak(Case(NOW, incident, {}, before))
        assert found is not None
        assert found.state is AlertState.GONE

    async def test_says_with_its_vote_what_everybody_knows(self) -> None:
        quick = an_incident(phase=Phase.DIAGNOSING, started_at=NOW, spec={"target_ref": None})
        agent = self.agent(self.world(ready=True), _Prometheus([line(1)], [line(1)]))
        assert await agent.speak(a_case(quick)) is None
        aside = (await agent.vote(a_case(quick), a_plan())).aside
        assert isinstance(aside, Assessment)
        assert (await agent.vote(a_case(quick, own=said(Role.DETECTION, aside)), a_plan())).aside is None

    async def test_says_it_by_itself_where_the_diagnosis_takes_long(self) -> None:
        long = an_incident(phase=Phase.DIAGNOSING, started_at=NOW - timedelta(seconds=10), spec={"target_ref": None})
        agent = self.agent(self.world(ready=True), _Prometheus([line(1)], [line(1)]))
        found = await agent.speak(a_case(long))
        assert found is not None
        assert found.state is AlertState.FIRING

    async def test_says_at_once_that_the_symptom_has_gone(self) -> None:
        quick = an_incident(phase=Phase.DIAGNOSING, started_at=NOW, spec={"target_ref": None})
        found = await self.agent(self.world(ready=True), _Prometheus([], [line(1)])).speak(a_case(quick))
        assert found is not None
        assert found.state is AlertState.GONE

    async def test_votes_on_what_it_sees_now(self) -> None:
        incident = an_incident(spec={"target_ref": None})
        agent = self.agent(self.world(ready=True), _Prometheus([], [line(1)]))
        ballot = await agent.vote(a_case(incident), a_plan())
        assert ballot.decision is Decision.REJECT


def test_evidence_of_the_board_is_what_health_understands() -> None:
    """A guard for these tests: the builders make a healthy workload and a sick one."""
    from incident_commander.evidence.health import workload_health

    well = evidence_of(a_deployment(), a_replica_set(), a_pod("a"), a_pod("b"))
    assert workload_health(TARGET, well.objects).healthy is True
    sick = evidence_of(a_deployment(ready=1), a_replica_set(), a_pod("a"), a_pod("b", ready=False))
    assert workload_health(TARGET, sick.objects).healthy is False
    assert well.of(DEPLOYMENT)
