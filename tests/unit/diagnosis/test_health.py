"""What ended long ago, what was replaced, and what has just been started is no illness."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api import kinds
from incident_commander.api.statement import Diagnosis
from incident_commander.evidence.evidence import Evidence
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    ago,
    deployment,
    ended,
    endpoint_slice,
    event,
    evidence,
    incident,
    is_healthy,
    log,
    meta,
    node,
    pod,
    replica_set,
    running,
    service,
    template,
    told,
    waiting,
)

WEB = deployment()
RS = replica_set(WEB, "6d4b75cb6d")
PODS = (pod(RS, "abcde"), pod(RS, "fghij"))
SVC = service("web", {"app": "web"})
AROUND = (SVC, endpoint_slice(SVC, True, True), node())


def diagnosed(target: Object | None, *objects: Object, **more: Any) -> Diagnosis:
    return diagnose(evidence(target, *objects, **more), None, NOW)


def recorded_of_pods(*objects: Object) -> Evidence:
    """As if pods, events and nodes were all that was saved."""
    whole = evidence(None, *objects)
    kept = {kind.resource: whole.of(kind) for kind in (kinds.POD, kinds.EVENT, kinds.NODE)}
    return replace(whole, objects=kept)


def evicted(owner: Object, *, age: float = 3 * 86400) -> Object:
    found = pod(owner, f"evicted-{age:.0f}", phase="Failed", age=age)
    found["status"] = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    return found


class TestPodsEvictedLongAgo:
    OLD = (evicted(RS), evicted(RS, age=7 * 86400))

    @pytest.mark.parametrize("target", [None, WEB])
    def test_of_a_replica_set_that_made_others_are_no_illness(self, target: Object | None) -> None:
        found = diagnosed(target, WEB, RS, *PODS, *self.OLD, *AROUND)
        assert is_healthy(found), told(found)

    def test_nor_where_their_replica_set_was_not_read(self) -> None:
        found = diagnose(recorded_of_pods(*PODS, *self.OLD, node()), None, NOW)
        assert is_healthy(found), told(found)

    def test_who_asks_about_one_hears_that_others_do_its_work(self) -> None:
        found = diagnosed(self.OLD[0], WEB, RS, *PODS, *self.OLD, *AROUND)
        assert is_healthy(found), told(found)
        assert "Deployment/shop/web has its work done by others" in found.hypotheses[0].summary

    def test_a_failed_pod_that_nobody_has_replaced_is_one(self) -> None:
        assert not is_healthy(diagnose(recorded_of_pods(self.OLD[0], node()), None, NOW))
        bare = copy.deepcopy(self.OLD[0])
        del bare["metadata"]["ownerReferences"]
        assert not is_healthy(diagnosed(None, WEB, RS, *PODS, bare, *AROUND))


class TestACordonedNode:
    @pytest.mark.parametrize("target", [None, WEB])
    def test_whose_pods_all_run_is_no_illness_of_theirs(self, target: Object | None) -> None:
        shut = node(unschedulable=True)
        shut["spec"]["taints"] = [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]
        found = diagnosed(target, WEB, RS, *PODS, SVC, endpoint_slice(SVC, True, True), shut)
        assert is_healthy(found), told(found)


class TestAnAbridgedRecording:
    @pytest.mark.parametrize(
        "status",
        [
            {"replicas": 2, "readyReplicas": 2, "availableReplicas": 2},
            {"readyReplicas": 2, "availableReplicas": 2},
            {"readyReplicas": 2},
        ],
    )
    @pytest.mark.parametrize("target", [False, True])
    def test_of_an_idle_deployment_is_judged_by_what_it_has(self, status: Object, target: bool) -> None:
        web = {**WEB, "status": status}
        found = diagnosed(web if target else None, web, RS, *PODS, *AROUND)
        assert is_healthy(found), told(found)

    def test_counters_that_say_that_too_few_are_ready_are_believed(self) -> None:
        web = {**WEB, "status": {"replicas": 2, "readyReplicas": 1}}
        assert not is_healthy(diagnosed(web, web, RS, *PODS, *AROUND))

    def test_pods_without_conditions_are_judged_by_their_containers(self) -> None:
        bare = [copy.deepcopy(p) for p in PODS]
        for one in bare:
            del one["status"]["conditions"]
        found = diagnose(recorded_of_pods(*bare, node()), None, NOW)
        assert is_healthy(found), told(found)
        bare[0]["status"]["containerStatuses"] = [running(ready=False)]
        assert not is_healthy(diagnose(recorded_of_pods(*bare, node()), None, NOW))


class TestPodsThatHaveJustBeenStarted:
    """An autoscaler has raised two replicas to four."""

    UP = deployment(replicas=4, ready=2)
    SET = replica_set(UP, "6d4b75cb6d", replicas=4, ready=2)
    OLD = (pod(SET, "abcde"), pod(SET, "fghij"))

    def young(self, *, age: float = 8, **status: Any) -> list[Object]:
        made = status.pop("status", None) or running(ready=False, age=age)
        return [pod(self.SET, f"new-{n}", made, age=age, **status) for n in range(2)]

    def found(self, *new: Object, target: bool = False) -> Diagnosis:
        scaled = event(self.UP, "ScalingReplicaSet", "Scaled up replica set to 4 from 2", kind="Normal", age=12)
        return diagnosed(self.UP if target else None, self.UP, self.SET, *self.OLD, *new, scaled, *AROUND)

    @pytest.mark.parametrize("target", [False, True])
    def test_are_no_illness_where_others_like_them_are_ready(self, target: bool) -> None:
        found = self.found(*self.young(), target=target)
        assert is_healthy(found), told(found)
        creating = waiting("ContainerCreating")
        assert is_healthy(self.found(*self.young(status=creating, phase="Pending"), target=target))

    def test_are_one_when_they_take_long_or_have_failed_already(self) -> None:
        assert not is_healthy(self.found(*self.young(age=400)))
        restarted = running(ready=False, restarts=1, age=5, lastState=ended(1, "Error", since=6))
        assert not is_healthy(self.found(*self.young(age=20, status=restarted)))

    def test_may_take_as_much_longer_as_their_probe_waits(self) -> None:
        slow = self.young(age=100)
        assert not is_healthy(self.found(*slow))
        for one in slow:
            one["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 1}, "initialDelaySeconds": 90}
        assert is_healthy(self.found(*slow))

    def test_that_are_missing_altogether_are_not_young(self) -> None:
        assert not is_healthy(self.found())

    def test_of_a_revision_that_nobody_has_seen_work_it_is_too_early_to_tell(self) -> None:
        web = deployment(revision=2, ready=2)
        old, new = replica_set(web, "aaaa"), replica_set(web, "bbbb", revision=2, replicas=1, ready=0, age=10)
        web["status"] |= {"replicas": 3, "updatedReplicas": 1}
        young = pod(new, "abcde", running(ready=False, age=6), age=8)
        for target in (None, web):
            found = diagnosed(target, web, old, new, pod(old, "abcde"), pod(old, "fghij"), young, *AROUND)
            assert not is_healthy(found)
            assert "1 have just been started" in found.hypotheses[-1].summary


class TestAJobThatWasTriedAgain:
    def test_and_has_completed_is_well_whatever_the_first_try_said(self) -> None:
        status = {"succeeded": 1, "failed": 1, "conditions": [{"type": "Complete", "status": "True"}]}
        job: Object = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": meta("migrate"),
            "spec": {"template": template("migrate")},
            "status": status,
        }
        failed = pod(job, "abcde", running("migrate", ready=False, state=ended(1, "Error", since=400)), phase="Failed")
        done = pod(job, "fghij", running("migrate", ready=False, state=ended(0, "Completed")), phase="Succeeded")
        said = log(
            failed, 'OperationalError: connection to server at "db", port 5432 failed: refused', container="migrate"
        )
        for target in (None, job):
            found = diagnosed(target, job, failed, done, WEB, RS, *PODS, *AROUND, logs=[said])
            assert is_healthy(found), told(found)
        going = {**job, "status": {"failed": 1}}
        assert not is_healthy(diagnosed(None, going, failed, logs=[said]))


def test_a_rollout_that_has_ended_is_well_while_its_last_old_pod_goes() -> None:
    web = deployment(revision=2)
    old, new = replica_set(web, "aaaa", replicas=0, ready=0), replica_set(web, "bbbb", revision=2, age=120)
    leaving = pod(old, "abcde")
    leaving["metadata"]["deletionTimestamp"] = ago(seconds=-20)
    found = diagnosed(web, web, old, new, pod(new, "a", age=100), pod(new, "b", age=90), leaving, *AROUND)
    assert is_healthy(found), told(found)


def test_an_alert_about_a_healthy_workload_makes_it_no_less_healthy() -> None:
    found = diagnose(evidence(WEB, RS, *PODS, *AROUND), incident(), NOW)
    assert is_healthy(found), told(found)
