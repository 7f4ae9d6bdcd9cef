"""A write that every guard allows; tests change one thing at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from incident_commander.actions.action import Bounds, Situation
from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api.causes import Cause
from incident_commander.api.incident import (
    Alert,
    AlertStatus,
    Attempt,
    Incident,
    IncidentSpec,
    IncidentStatus,
    Phase,
    StepOutcome,
    StepRecord,
)
from incident_commander.api.meta import ObjectMeta, TargetRef
from incident_commander.api.plan import ActionName, Plan, Step, Verb
from incident_commander.api.policy import RemediationPolicy, RemediationPolicySpec
from incident_commander.consensus.digest import with_digest
from incident_commander.evidence.evidence import target_of
from incident_commander.guards.guard import GuardInput, PastAttempt
from incident_commander.ports import Object
from tests.unit.actions.workloads import pod, workload

NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)  # a Wednesday
PDBS = "poddisruptionbudgets.policy"
NAMESPACE: Object = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "shop", "uid": "uid-ns", "labels": {"incidentcommander.io/managed": "true"}},
}


def policy(**spec: Any) -> RemediationPolicy:
    values: dict[str, Any] = {"mode": "Auto", "actions": [a.value for a in ActionName], **spec}
    return RemediationPolicy(metadata=ObjectMeta(name="p"), spec=RemediationPolicySpec.model_validate(values))


def incident(*, fingerprints: tuple[str, ...] = ("f1",), namespace: str = "shop", **status: Any) -> Incident:
    alerts = [
        Alert(fingerprint=f, status=AlertStatus.FIRING, labels={"alertname": "Crash"}, starts_at=NOW)
        for f in fingerprints
    ]
    return Incident(
        metadata=ObjectMeta(name="inc", namespace=namespace, uid="uid-inc"),
        spec=IncidentSpec(alerts=alerts, target_ref=target_of(workload())),
        status=IncidentStatus(phase=Phase.EXECUTING, **status),
    )


def step_of(action: ActionName, target: Object, related: dict[str, list[Object]], **parameters: str) -> Step:
    situation = Situation(target=target, related=related)
    return CATALOGUE[action].plan(situation, parameters, bounds=Bounds(), issued_at=NOW, step_name="it")


def scene(
    action: ActionName = ActionName.RESTART_ROLLOUT,
    target: Object | None = None,
    related: dict[str, list[Object]] | None = None,
    *,
    parameters: dict[str, str] | None = None,
    **changes: Any,
) -> GuardInput:
    """By default: RestartRollout of a healthy Deployment in an opted-in namespace, under an Auto policy."""
    target = target if target is not None else workload()
    related = {PDBS: [], **(related or {})}
    step = step_of(action, target, related, **(parameters or {}))
    plan = Plan(
        incident_uid="uid-inc",
        issued_at=NOW,
        runbook="restart",
        cause=Cause.APP_NOT_ANSWERING,
        object=target_of(target),
        steps=[step],
        risk=step.risk,
    )
    given = GuardInput(
        now=NOW,
        incident=incident(),
        plan=with_digest(plan),
        step=step,
        target=target,
        policy=policy(),
        namespace=NAMESPACE,
        related=related,
    )
    return replace(given, **changes)


def pod_scene(
    *, ready: bool = False, siblings: int = 2, pdbs: list[Object] | None = None, **changes: Any
) -> GuardInput:
    """DeletePod of one pod of a StatefulSet with so many other ready pods."""
    owner = workload("StatefulSet", spec={"replicas": siblings + 1})
    target = pod("web-0", owner, ready=ready, phase=changes.pop("phase", "Running"))
    others = [pod(f"web-{n}", owner) for n in range(1, siblings + 1)]
    related = {"pods": [target, *others], "statefulsets.apps": [owner], PDBS: pdbs or []}
    return scene(ActionName.DELETE_POD, target, related, **changes)


def past(
    outcome: StepOutcome = StepOutcome.APPLIED,
    *,
    uid: str = "uid-other",
    target_uid: str = "uid-Deployment-web",
    minutes_ago: float = 120,
    terminal: bool = True,
    number: int = 1,
    runbook: str = "restart",
    fingerprints: tuple[str, ...] = ("f1",),
    digest: str = "sha256:" + "0" * 64,
    verb: Verb = Verb.PATCH,
) -> PastAttempt:
    at = NOW - timedelta(minutes=minutes_ago)
    ref = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="web", uid=target_uid)
    record = StepRecord(
        name="it", action=ActionName.RESTART_ROLLOUT, target=ref, verb=verb, outcome=outcome, finished_at=at
    )
    attempt = Attempt(
        id=f"{number}",
        round=1,
        plan_digest=digest,
        runbook=runbook,
        started_at=at,
        finished_at=at,
        outcome=outcome,
        steps=[record],
        fingerprints=list(fingerprints),
    )
    return PastAttempt(uid, f"shop/{uid}", terminal, attempt)
