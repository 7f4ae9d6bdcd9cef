"""Prediction: the forecast, the room, the vote."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from incident_agents.prediction.driving import driving_series, readable
from incident_agents.prediction.forecast import forecast
from incident_agents.prediction.room import Demand, demand, fits, free, requests
from incident_agents.prediction.vote import PredictionReason, RoomView, new_memory_limit, vote
from incident_commander.api.causes import Cause
from incident_commander.api.plan import ActionName, Op, Operation, Risk, Step
from incident_commander.api.statement import Decision
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.health import WorkloadHealth
from incident_commander.ports import Object, Series
from tests.unit.agents.board import (
    NOW,
    TARGET,
    a_deployment,
    a_diagnosis,
    a_plan,
    a_pod,
    a_replica_set,
    a_step,
    a_template,
    evidence_of,
)

MIB = 1024.0**2
NO_ROOM_NEEDED = RoomView(Demand(0, {}), None)


def memory(
    start_mib: float, per_minute_mib: float, count: int = 40, *, noise: float = 0.0, pod: str = "web-1-a"
) -> Series:
    rng = random.Random(5)
    first = NOW.timestamp() - (count - 1) * 15
    points = tuple(
        (first + n * 15, (start_mib + per_minute_mib * n / 4 + rng.gauss(0, noise)) * MIB) for n in range(count)
    )
    return Series({"namespace": "shop", "pod": pod, "container": "web"}, points)


def seen(*series: Series, limit: str | None = "256Mi", killed: bool = False) -> Evidence:
    limits: dict[str, Any] = {"limits": {"memory": limit}} if limit is not None else {}
    pod = a_pod(killed=killed, **limits)
    return evidence_of(a_deployment(), a_replica_set(), pod, metrics={"container_memory_working_set": series})


class TestDrivingSeries:
    def test_is_the_memory_of_a_container_with_a_limit(self) -> None:
        (found,) = driving_series(seen(memory(100, 1)))
        assert (found.ref, found.limit) == ("Pod/shop/web-1-a/web", 256 * MIB)

    def test_a_container_without_a_limit_has_none(self) -> None:
        assert driving_series(seen(memory(100, 1), limit=None)) == []

    def test_a_pod_that_is_gone_does_not_count(self) -> None:
        old = memory(100, 1)
        ended = Series(old.labels, tuple((at - 3600, value) for at, value in old.points))
        assert driving_series(seen(ended)) == []

    def test_a_restarted_container_is_one_line(self) -> None:
        first, second = memory(100, 1, 40), memory(20, 1, 10)
        (found,) = driving_series(seen(first, second))
        assert len(found.points) == 40

    def test_a_volume_of_the_target_is_one_too(self) -> None:
        pod = a_pod()
        pod["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
        labels = {"namespace": "shop", "persistentvolumeclaim": "data"}
        other = {"namespace": "shop", "persistentvolumeclaim": "foreign"}
        times = [NOW.timestamp() - n * 60 for n in range(20, -1, -1)]
        used = [Series(which, tuple((at, 5e8) for at in times)) for which in (labels, other)]
        size = [Series(which, tuple((at, 1e9) for at in times)) for which in (labels, other)]
        found = driving_series(
            evidence_of(a_deployment(), a_replica_set(), pod, metrics={"volume_used": used, "volume_capacity": size})
        )
        assert [d.ref for d in found] == ["PersistentVolumeClaim/shop/data"]


class TestForecast:
    def test_a_steady_leak_has_a_time_with_an_interval(self) -> None:
        found = forecast(seen(memory(100, 4, noise=0.5)), None)
        assert found is not None
        assert not found.abstained
        low, middle, high = found.exhaustion_low_seconds, found.exhaustion_seconds, found.exhaustion_high_seconds
        assert low is not None
        assert middle is not None
        assert high is not None
        # 40 points at 4 MiB a minute end near 139 MiB: 117 MiB are left.
        assert low <= middle <= high
        assert middle == pytest.approx(117 / 4 * 60, rel=0.15)

    def test_seven_points_are_too_few_and_it_says_so(self) -> None:
        found = forecast(seen(memory(200, 4, 7)), None)
        assert found is not None
        assert found.abstained
        assert "7 points" in found.message
        assert found.exhaustion_seconds is None

    def test_noise_near_the_limit_is_an_honest_abstention(self) -> None:
        found = forecast(seen(memory(240, 0, 20, noise=8.0)), None)
        assert found is not None
        assert found.abstained
        assert "either sign" in found.message

    def test_a_flat_series_far_from_its_limit_is_not_worth_a_word(self) -> None:
        assert forecast(seen(memory(40, 0)), None) is None

    def test_a_flat_series_is_told_of_when_memory_is_the_suspect(self) -> None:
        found = forecast(seen(memory(40, 0)), a_diagnosis(Cause.MEMORY_LIMIT_TOO_LOW))
        assert found is not None
        assert not found.abstained
        assert found.exhaustion_seconds is None

    def test_a_full_series_is_at_its_limit_now(self) -> None:
        found = forecast(seen(memory(200, 6)), None)
        assert found is not None
        assert found.exhaustion_seconds == 0

    def test_no_metrics_is_nothing_to_say(self) -> None:
        assert forecast(evidence_of(a_deployment(), a_replica_set(), a_pod()), a_diagnosis()) is None

    def test_the_pod_that_ends_first_is_the_one(self) -> None:
        limits: Any = {"limits": {"memory": "256Mi"}}
        series = [memory(150, 1, pod="calm"), memory(120, 5, pod="quick")]
        found = forecast(
            evidence_of(
                a_deployment(),
                a_replica_set(),
                a_pod("calm", **limits),
                a_pod("quick", **limits),
                metrics={"container_memory_working_set": series},
            ),
            None,
        )
        assert found is not None
        assert "quick" in found.series


def node(name: str = "n1", cpu: str = "4", size: str = "8Gi", **spec: Any) -> Object:
    return {
        "kind": "Node",
        "metadata": {"name": name},
        "spec": spec,
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "allocatable": {"cpu": cpu, "memory": size, "pods": "10"},
        },
    }


def on(node_name: str, pod: Object) -> Object:
    pod["spec"]["nodeName"] = node_name
    return pod


BIG: Any = {"requests": {"cpu": "3", "memory": "6Gi"}}
SMALL: Any = {"requests": {"cpu": "500m", "memory": "1Gi"}}


class TestRoom:
    def test_requests_are_the_sum_of_containers_or_the_largest_init_container(self) -> None:
        template = a_template(**SMALL)
        template["spec"]["initContainers"] = [{"name": "i", "resources": {"requests": {"cpu": "2"}}}]
        assert requests(template) == {"cpu": Decimal(2), "memory": Decimal(1024**3)}

    def test_a_limit_without_a_request_counts(self) -> None:
        assert requests(a_template(limits={"memory": "1Gi"}))["memory"] == 1024**3

    def test_what_runs_is_taken_off(self) -> None:
        left = free([node()], [on("n1", a_pod(**BIG))], a_template())
        assert left["n1"] == {"cpu": Decimal(1), "memory": Decimal(2 * 1024**3), "pods": Decimal(9)}

    def test_a_pod_that_has_ended_holds_nothing(self) -> None:
        ended = on("n1", a_pod(**BIG))
        ended["status"]["phase"] = "Succeeded"
        assert free([node()], [ended], a_template())["n1"]["cpu"] == 4

    @pytest.mark.parametrize(
        "closed",
        [{"unschedulable": True}, {"taints": [{"key": "k", "effect": "NoSchedule"}]}],
    )
    def test_a_node_that_takes_no_pods_is_no_room(self, closed: dict[str, Any]) -> None:
        assert free([node(**closed)], [], a_template()) == {}

    def test_a_taint_that_the_pods_tolerate_is_no_hindrance(self) -> None:
        template = a_template()
        template["spec"]["tolerations"] = [{"key": "k", "operator": "Exists"}]
        assert "n1" in free([node(taints=[{"key": "k", "effect": "NoSchedule"}])], [], template)

    def test_all_new_pods_must_find_a_place(self) -> None:
        left = free([node("n1"), node("n2")], [], a_template())
        size = requests(a_template(**BIG))
        assert fits(Demand(2, size), left)
        assert not fits(Demand(3, size), left)

    def test_more_replicas_ask_for_that_many_pods(self) -> None:
        target = a_deployment(template=a_template(**SMALL))
        assert demand(a_step(), target) == Demand(1, requests(a_template(**SMALL)))

    def test_a_larger_template_asks_for_one_whole_pod(self) -> None:
        target = a_deployment(template=a_template(**SMALL))
        path = "/spec/template/spec/containers/0/resources/requests/memory"
        step = a_step(ActionName.SET_RESOURCES, operations=[Operation(op=Op.REPLACE, path=path, value='"2Gi"')])
        assert demand(step, target) == Demand(1, {"cpu": Decimal("0.5"), "memory": Decimal(2 * 1024**3)})

    def test_a_pod_resized_in_place_asks_its_own_node_for_the_difference(self) -> None:
        pod = on("n1", a_pod(**SMALL))
        operation = Operation(op=Op.REPLACE, path="/spec/containers/0/resources/requests/memory", value='"3Gi"')
        step = a_step(ActionName.SET_RESOURCES, operations=[operation], subresource="resize")
        wanted = demand(step, pod)
        assert wanted == Demand(1, {"cpu": Decimal(0), "memory": Decimal(2 * 1024**3)}, node="n1")
        full = {"n1": {"cpu": Decimal(1), "memory": Decimal(3 * 1024**3), "pods": Decimal(0)}}
        assert fits(wanted, full)
        assert not fits(wanted, {"n2": full["n1"]})

    def test_a_smaller_template_asks_for_nothing(self) -> None:
        target = a_deployment(template=a_template(**SMALL))
        path = "/spec/template/spec/containers/0/resources/requests/memory"
        step = a_step(ActionName.SET_RESOURCES, operations=[Operation(op=Op.REPLACE, path=path, value='"512Mi"')])
        assert demand(step, target).pods == 0


def set_memory(value: str, path: str = "/limits/memory", container: str = "web") -> Step:
    operation = Operation(op=Op.REPLACE, path=f"/spec/template/spec/containers/0/resources{path}", value=value)
    return a_step(ActionName.SET_RESOURCES, operations=[operation], parameters={"container": container})


class TestNewLimit:
    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("/limits/memory", '"512Mi"'),
            ("/limits", '{"memory":"512Mi"}'),
            ("", '{"limits":{"cpu":"1","memory":"512Mi"}}'),
        ],
    )
    def test_is_read_wherever_the_operation_starts(self, path: str, value: str) -> None:
        assert new_memory_limit(set_memory(value, path)) == ("web", 512 * MIB)

    @pytest.mark.parametrize(
        ("path", "value"),
        [("/limits/cpu", '"2"'), ("/requests/memory", '"512Mi"'), ("", "3"), ("/limits/memory", '"lots"')],
    )
    def test_of_other_fields_is_none(self, path: str, value: str) -> None:
        assert new_memory_limit(set_memory(value, path)) is None


def health(healthy: bool | None) -> WorkloadHealth:
    return WorkloadHealth(TARGET, True, healthy, "x", "seen")


NOTHING_SEEN = evidence_of(a_deployment(), a_replica_set(), a_pod())


class TestVote:
    def test_a_sick_workload_speaks_for_acting(self) -> None:
        ballot = vote(a_plan(), NOTHING_SEEN, health(False), None, NO_ROOM_NEEDED)
        assert (ballot.decision, ballot.reason) == (Decision.APPROVE, PredictionReason.WAITING_IS_WORSE)

    def test_a_limit_that_comes_near_speaks_for_acting(self) -> None:
        ballot = vote(a_plan(), seen(memory(150, 4)), health(True), None, NO_ROOM_NEEDED)
        assert (ballot.decision, ballot.reason) == (Decision.APPROVE, PredictionReason.WAITING_IS_WORSE)

    def test_no_room_speaks_against_it(self) -> None:
        ballot = vote(a_plan(), NOTHING_SEEN, health(False), None, RoomView(Demand(1, {}), False))
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, PredictionReason.NO_ROOM)

    def test_room_that_nobody_knows_of_is_an_abstention(self) -> None:
        ballot = vote(a_plan(), NOTHING_SEEN, health(False), None, RoomView(Demand(1, {}), None))
        assert (ballot.decision, ballot.reason) == (Decision.ABSTAIN, PredictionReason.ROOM_UNKNOWN)

    def test_the_last_schedulable_node_is_not_cordoned(self) -> None:
        ballot = vote(a_plan(), NOTHING_SEEN, health(False), None, RoomView(Demand(0, {}), None, nodes_after=0))
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, PredictionReason.NO_ROOM)

    def test_a_healthy_workload_is_not_put_at_high_risk(self) -> None:
        ballot = vote(a_plan(risk=Risk.HIGH), NOTHING_SEEN, health(True), None, NO_ROOM_NEEDED)
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, PredictionReason.WAITING_IS_BETTER)

    def test_what_falls_by_itself_is_left_alone(self) -> None:
        ballot = vote(a_plan(), seen(memory(200, -3)), health(True), None, NO_ROOM_NEEDED)
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, PredictionReason.WAITING_IS_BETTER)

    def test_nothing_to_compare_by_is_an_abstention(self) -> None:
        ballot = vote(a_plan(), NOTHING_SEEN, health(None), None, NO_ROOM_NEEDED)
        assert (ballot.decision, ballot.reason) == (Decision.ABSTAIN, PredictionReason.NOTHING_TO_COMPARE)

    def test_a_limit_below_what_was_used_is_refused(self) -> None:
        plan = a_plan(set_memory('"200Mi"'), cause=Cause.MEMORY_LIMIT_TOO_LOW)
        ballot = vote(plan, seen(memory(240, 0), killed=True), health(False), None, NO_ROOM_NEEDED)
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, PredictionReason.LIMIT_STILL_TOO_LOW)

    def test_a_limit_that_a_leak_fills_within_minutes_is_refused(self) -> None:
        plan = a_plan(set_memory('"300Mi"'), cause=Cause.MEMORY_LEAK)
        ballot = vote(plan, seen(memory(100, 12)), health(False), None, NO_ROOM_NEEDED)
        assert (ballot.decision, ballot.reason) == (Decision.REJECT, PredictionReason.GAIN_TOO_SHORT)

    def test_a_limit_that_lasts_is_not(self) -> None:
        plan = a_plan(set_memory('"1Gi"'), cause=Cause.MEMORY_LIMIT_TOO_LOW)
        ballot = vote(plan, seen(memory(240, 0), killed=True), health(False), None, NO_ROOM_NEEDED)
        assert ballot.decision is Decision.APPROVE


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (2048, "2Ki"),
        (180 * MIB, "180Mi"),
        (-3 * MIB, "-3Mi"),
        (999.7 * MIB, "1000Mi"),
        (1.5 * 1024**3, "1.5Gi"),
    ],
)
def test_sizes_are_written_for_people(size: float, shown: str) -> None:
    assert readable(size) == shown
