"""Rollouts that cannot go on by themselves, DaemonSets that taints keep away, drains that wait for a budget."""

from __future__ import annotations

from typing import Any

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Diagnosis
from incident_commander.evidence.evidence import Evidence
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    crash_looping,
    deployment,
    event,
    evidence,
    incident,
    meta,
    node,
    pod,
    replica_set,
    running,
    template,
    told,
    waiting,
)
from tests.unit.diagnosis.shop import shop

OLD, NEW = "store-5d7f9c6b4d", "store-7c9d8b5f6c"


def confident(found: Diagnosis) -> list[Cause]:
    return [h.cause for h in found.hypotheses if h.confidence >= BAR]


def stateful_set(status: dict[str, Any], *, hashed: str = OLD, age: float = 900, **spec: Any) -> Evidence:
    made = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": meta("store", age=86400, generation=3),
        "spec": {
            "replicas": 1,
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate"},
            "selector": {"matchLabels": {"app": "store"}},
            "template": template("store"),
            **spec,
        },
        "status": {
            "observedGeneration": 3,
            "replicas": 1,
            "readyReplicas": 0,
            "currentRevision": NEW,
            "updateRevision": NEW,
        },
    }
    first = pod(made, "0", status, age=age)
    first["metadata"]["labels"]["controller-revision-hash"] = hashed
    return evidence(None, made, first, node())


class TestStatefulSets:
    @pytest.mark.parametrize(
        "status",
        [
            waiting("ImagePullBackOff", 'Back-off pulling image "store:bad": manifest unknown'),
            crash_looping(code=1),
            waiting("CreateContainerConfigError", 'configmap "settings" not found'),
        ],
        ids=["image", "crash", "config"],
    )
    def test_a_broken_pod_of_a_revision_that_was_taken_back_has_to_be_deleted(self, status: dict[str, Any]) -> None:
        found = diagnose(stateful_set(status), incident(), NOW)
        top = found.hypotheses[0]
        assert (top.cause, top.facts["reason"], top.facts["pod"]) == (
            Cause.ROLLOUT_STUCK,
            "PodOfOldRevision",
            "store-0",
        ), told(found)
        assert len(found.hypotheses) > 1, "what is wrong with the pod is told as well"

    @pytest.mark.parametrize(
        ("change", "spec"),
        [
            ({"hashed": NEW}, {}),
            ({"age": 20}, {}),
            ({}, {"podManagementPolicy": "Parallel"}),
            ({}, {"updateStrategy": {"type": "OnDelete"}}),
            ({}, {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}}),
        ],
        ids=["of the new revision", "just now", "parallel", "on delete", "kept by a partition"],
    )
    def test_others_are_replaced_or_kept_on_purpose(self, change: dict[str, Any], spec: dict[str, Any]) -> None:
        found = diagnose(stateful_set(crash_looping(code=1), **change, **spec), incident(), NOW)
        assert Cause.ROLLOUT_STUCK not in {h.cause for h in found.hypotheses}, told(found)

    def test_a_pod_that_is_well_waits_for_its_turn(self) -> None:
        found = diagnose(stateful_set(running()), incident(), NOW)
        assert Cause.ROLLOUT_STUCK not in {h.cause for h in found.hypotheses}


def late(*conditions: dict[str, str]) -> Object:
    made = deployment(ready=1)
    made["status"]["conditions"] = [
        {"type": "Available", "status": "False"},
        {
            "type": "Progressing",
            "status": "False",
            "reason": "ProgressDeadlineExceeded",
            "message": 'ReplicaSet "web-6d4b75cb6d" has timed out progressing.',
        },
        *conditions,
    ]
    return made


class TestDeployments:
    def test_a_rollout_that_was_given_up_is_told_with_its_reason(self) -> None:
        web = late({"type": "ReplicaFailure", "status": "True", "message": "pods is forbidden: odd reasons"})
        rs = replica_set(web, "6d4b75cb6d", ready=1)
        found = diagnose(evidence(web, rs, pod(rs, "abcde")), incident(), NOW)
        told_ = next(h for h in found.hypotheses if h.cause is Cause.ROLLOUT_STUCK)
        assert "odd reasons" in told_.summary

    def test_its_reason_is_cited_wherever_it_stands_among_the_conditions(self) -> None:
        web = late({"type": "ReplicaFailure", "status": "True", "message": "pods is forbidden: odd reasons"})
        web["status"]["conditions"].reverse()
        rs = replica_set(web, "6d4b75cb6d", ready=1)
        found = diagnose(evidence(web, rs, pod(rs, "abcde")), incident(), NOW)
        told_ = next(h for h in found.hypotheses if h.cause is Cause.ROLLOUT_STUCK)
        assert "pods is forbidden: odd reasons" in {c.value for c in told_.evidence}

    def test_pods_that_are_ill_say_themselves_why_it_is_late(self) -> None:
        web = late()
        rs = replica_set(web, "6d4b75cb6d", ready=1)
        sick = pod(rs, "abcde", waiting("ImagePullBackOff", "manifest unknown"))
        found = diagnose(evidence(web, rs, sick), incident(), NOW)
        assert found.hypotheses[0].cause is Cause.IMAGE_NOT_FOUND, told(found)
        assert Cause.ROLLOUT_STUCK not in confident(found)

    def test_a_pause_is_on_purpose(self) -> None:
        made = shop()
        made.deployments["web"]["spec"]["paused"] = True
        made.deployments["web"]["status"]["updatedReplicas"] = 0
        assert Cause.ROLLOUT_STUCK not in confident(made.diagnose())


def daemon_set(*nodes: Object, target: bool = False, desired: int = 1, **spec: Any) -> Diagnosis:
    made = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": meta("agent", age=86400, generation=1),
        "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent", **spec)},
        "status": {
            "observedGeneration": 1,
            "desiredNumberScheduled": desired,
            "currentNumberScheduled": desired,
            "updatedNumberScheduled": desired,
            "numberReady": desired,
            "numberAvailable": desired,
        },
    }
    pods = [pod(made, "abcde")] if desired else []
    return diagnose(evidence(made if target else None, made, *pods, node("node-a"), *nodes), None, NOW)


def tainted(key: str = "dedicated") -> Object:
    made = node("node-b")
    made["spec"]["taints"] = [{"key": key, "value": "gpu", "effect": "NoSchedule"}]
    return made


class TestDaemonSets:
    def test_asked_about_one_the_taint_that_keeps_it_away_is_told(self) -> None:
        found = daemon_set(tainted(), target=True)
        top = found.hypotheses[0]
        assert (top.cause, top.facts["taint"]) == (Cause.UNSCHEDULABLE_TAINT, "dedicated"), told(found)

    @pytest.mark.parametrize(
        ("nodes", "spec"),
        [
            ((tainted("node-role.kubernetes.io/control-plane"),), {}),
            ((tainted(),), {"tolerations": [{"operator": "Exists"}]}),
            ((tainted(),), {"nodeSelector": {"disk": "fast"}}),
            ((node("node-a"),), {}),
        ],
        ids=["control plane", "tolerated", "not meant", "no taint"],
    )
    def test_nodes_that_are_not_meant_for_it_are_none(self, nodes: tuple[Object, ...], spec: dict[str, Any]) -> None:
        assert Cause.UNSCHEDULABLE_TAINT not in confident(daemon_set(*nodes, target=True, **spec))

    def test_without_a_question_a_node_for_others_is_on_purpose(self) -> None:
        assert confident(daemon_set(tainted())) == []


def budget(healthy: int = 1, desired: int = 1, allowed: int = 0) -> Object:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": meta("orders"),
        "spec": {"minAvailable": desired, "selector": {"matchLabels": {"app": "orders"}}},
        "status": {
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": 1,
        },
    }


class TestDrains:
    @pytest.mark.parametrize(
        "words",
        [
            "Cannot evict pod as it would violate the pod's disruption budget. The budget orders needs 1 healthy pods",
            'Cannot disrupt Node: PDB "shop/orders" prevents pod evictions',
            "not enough pod disruption budget to move shop/orders-6d4b75cb6d-abcde",
        ],
    )
    def test_a_budget_that_a_drain_waits_for_is_named(self, words: str) -> None:
        made = shop()
        made.more += [budget(), event(made.nodes[1], "FailedDraining", words)]
        found = made.diagnose()
        assert Cause.DISRUPTION_BLOCKED in confident(found), told(found)

    def test_a_cordoned_node_that_its_pods_cannot_leave_tells_it_without_words(self) -> None:
        made = shop()
        made.nodes[1]["spec"]["unschedulable"] = True
        made.more.append(budget())
        assert Cause.DISRUPTION_BLOCKED in confident(made.diagnose())

    @pytest.mark.parametrize("found", [budget(allowed=1), budget(healthy=0)], ids=["allows one", "pods are ill"])
    def test_a_budget_that_would_let_them_go_is_none(self, found: Object) -> None:
        made = shop()
        made.nodes[1]["spec"]["unschedulable"] = True
        made.more.append(found)
        assert Cause.DISRUPTION_BLOCKED not in confident(made.diagnose())

    def test_a_strict_budget_without_a_drain_is_none(self) -> None:
        made = shop()
        made.more.append(budget())
        assert confident(made.diagnose()) == []
