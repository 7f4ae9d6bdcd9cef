"""An Incident, a hypothesis, the built-in runbooks, and what was read of a Deployment after a bad rollout."""

from __future__ import annotations

import copy
from typing import Any

from incident_commander.actions.action import Situation
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Alert, AlertStatus, Incident, IncidentSpec
from incident_commander.api.meta import ObjectMeta, TargetRef
from incident_commander.api.policy import RemediationPolicy, RemediationPolicySpec
from incident_commander.api.runbook import Runbook
from incident_commander.api.statement import Hypothesis
from incident_commander.evidence.evidence import target_of
from incident_commander.planning.planner import Candidates, candidates
from incident_commander.ports import Object
from tests.unit.actions.workloads import NOW, container, replica_set, template, workload

BAD, GOOD = template(container(image="web:2")), template(container(image="web:1"))
FACTS = {
    "container": "web",
    "pod": "web-h2-x",
    "recentRollout": "true",
    "previousHealthy": "true",
    "otherReplicasHealthy": "true",
    "suggestedMemoryLimit": "192Mi",
    "suggestedCPULimit": "750m",
    "growthPerHour": "30Mi",
}


def deployment(**meta: Any) -> Object:
    return workload(spec={"template": copy.deepcopy(BAD)}, **meta)


def incident(target: Object | None = None) -> Incident:
    alert = Alert(fingerprint="f", status=AlertStatus.FIRING, labels={"alertname": "Crash"}, starts_at=NOW)
    ref = target_of(target if target is not None else deployment())
    return Incident(
        metadata=ObjectMeta(name="inc", namespace="shop", uid="uid-inc"),
        spec=IncidentSpec(alerts=[alert], target_ref=ref),
    )


def hypothesis(cause: Cause = Cause.CRASH_AFTER_ROLLOUT, confidence: int = 90, **changes: Any) -> Hypothesis:
    values: dict[str, Any] = {
        "cause": cause,
        "object": target_of(deployment()),
        "confidence": confidence,
        "summary": "it crashes since the rollout",
        "facts": FACTS,
        **changes,
    }
    return Hypothesis(**values)


def situation(target: Object | None = None, **related: list[Object]) -> Situation:
    target = target if target is not None else deployment()
    history = [replica_set(target, 2, BAD), replica_set(target, 1, GOOD)]
    return Situation(
        target=target,
        related={"replicasets.apps": history, "pods": [], "horizontalpodautoscalers.autoscaling": [], **related},
    )


def situations(*found: Situation) -> dict[str, Situation]:
    return {str(target_of(s.target)): s for s in found}


def policy(**spec: Any) -> RemediationPolicy:
    values: dict[str, Any] = {"mode": "Auto", "actions": ["RollbackRollout", "RestartRollout", "SetResources"], **spec}
    return RemediationPolicy(metadata=ObjectMeta(name="p"), spec=RemediationPolicySpec.model_validate(values))


def runbook(name: str, *steps: dict[str, Any], priority: int = 100, **spec: Any) -> Runbook:
    values: dict[str, Any] = {
        "priority": priority,
        "match": {"causes": ["CrashAfterRollout"], **spec.pop("match", {})},
        "steps": [{"name": f"s{n}", **step} for n, step in enumerate(steps)],
        **spec,
    }
    return Runbook.model_validate({"metadata": {"name": name}, "spec": values})


def find(*runbooks: Runbook, **changes: Any) -> Candidates:
    values: dict[str, Any] = {
        "incident": incident(),
        "hypotheses": [hypothesis()],
        "runbooks": runbooks,
        "situations": situations(situation()),
        "policy": policy(),
        "now": NOW,
        "tried": set(),
        **changes,
    }
    return candidates(**values)


def ref(kind: str, name: str, api_version: str = "v1") -> TargetRef:
    return TargetRef(api_version=api_version, kind=kind, namespace="shop", name=name)
