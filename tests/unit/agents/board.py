"""Incidents, plans, evidence and a council of agents for tests of agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from incident_agents.agent import Case
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Alert, AlertStatus, Incident, IncidentSpec, IncidentStatus, Phase
from incident_commander.api.kinds import Kind, kind_named
from incident_commander.api.meta import ObjectMeta, TargetRef
from incident_commander.api.plan import ActionName, FieldValue, Op, Operation, Plan, Risk, Step, Undo, Verb
from incident_commander.api.role import Role
from incident_commander.api.statement import Body, Diagnosis, Hypothesis, Statement
from incident_commander.consensus.digest import with_digest
from incident_commander.evidence.evidence import Evidence, Measured
from incident_commander.ports import Object, Query, Series

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
UID = "1d9f0d1e-0000-4000-8000-000000000001"
TARGET = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="web", uid="w1", generation=3)


def an_alert(name: str = "WebDown", status: AlertStatus = AlertStatus.FIRING, **labels: str) -> Alert:
    return Alert(
        fingerprint=f"fp-{name}",
        status=status,
        labels={"alertname": name, "namespace": "shop", "deployment": "web", **labels},
        starts_at=NOW - timedelta(minutes=5),
    )


def an_incident(phase: Phase = Phase.DIAGNOSING, spec: Mapping[str, Any] | None = None, **status: Any) -> Incident:
    return Incident(
        metadata=ObjectMeta(name="web-down", namespace="shop", uid=UID),
        spec=IncidentSpec(**{"target_ref": TARGET, "alerts": [an_alert()], **(spec or {})}),
        status=IncidentStatus(**{"phase": phase, "planning_serial": 1, **status}),
    )


def a_step(action: ActionName = ActionName.SCALE_WORKLOAD, **changes: Any) -> Step:
    values: dict[str, Any] = {
        "name": "act",
        "action": action,
        "target": TARGET,
        "verb": Verb.PATCH,
        "operations": [Operation(op=Op.REPLACE, path="/spec/replicas", value="3")],
        "pre_image": [FieldValue(path="/spec/replicas", value="2")],
        "undo": Undo(possible=True),
        "risk": Risk.LOW,
        "summary": "scale web from 2 to 3",
    }
    return Step(**{**values, **changes})


def a_plan(*steps: Step, **changes: Any) -> Plan:
    values: dict[str, Any] = {
        "incident_uid": UID,
        "issued_at": NOW,
        "runbook": "scale-out",
        "cause": Cause.CPU_THROTTLED,
        "object": TARGET,
        "steps": list(steps) or [a_step()],
        "risk": Risk.LOW,
        "summary": "scale out",
    }
    return with_digest(Plan(**{**values, **changes}))


def a_diagnosis(cause: Cause = Cause.IMAGE_NOT_FOUND, confidence: int = 95, **facts: str) -> Diagnosis:
    top = Hypothesis(cause=cause, object=TARGET, confidence=confidence, summary=f"{cause} it is", facts=facts)
    return Diagnosis(hypotheses=[top])


def said(role: Role, body: Body, at: datetime = NOW) -> Statement:
    return Statement(
        incident_uid=UID,
        incident="shop/web-down",
        agent=role.value,
        role=role.value,
        issued_at=at,
        expires_at=at + timedelta(hours=1),
        body=body,
    )


def a_case(incident: Incident | None = None, *statements: Statement, own: Statement | None = None) -> Case:
    return Case(NOW, incident or an_incident(), {Role(s.role): s for s in statements}, own)


def evidence_of(*objects: Object, metrics: Mapping[str, Sequence[Series]] | None = None) -> Evidence:
    """Evidence that asked for the kinds of Deployment, ReplicaSet and Pod, and the kinds of the given objects."""
    found: dict[str, list[Object]] = {kind.resource: [] for kind in _asked()}
    for obj in objects:
        kind = kind_named(obj["kind"])
        assert kind is not None
        found.setdefault(kind.resource, []).append(obj)
    measured = {name: Measured(Query(name, name), tuple(series)) for name, series in (metrics or {}).items()}
    return Evidence(TARGET, NOW, found, (), measured)


def _asked() -> list[Kind]:
    return [kind for name in ("Deployment", "ReplicaSet", "Pod") if (kind := kind_named(name)) is not None]


def a_deployment(*, ready: int = 2, replicas: int = 2, **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "w1", "generation": 3, "resourceVersion": "9"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": a_template(), **spec},
        "status": {
            "observedGeneration": 3,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": ready,
        },
    }


def a_template(**resources: Mapping[str, str]) -> Object:
    return {"spec": {"containers": [{"name": "web", "image": "web:1", "resources": dict(resources)}]}}


def a_replica_set() -> Object:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "w1", "controller": True}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "r1", "ownerReferences": [owner]},
    }


def a_pod(name: str = "web-1-a", *, ready: bool = True, killed: bool = False, **resources: Mapping[str, str]) -> Object:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "r1", "controller": True}
    ended = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-01-05T11:00:00Z"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": name, "ownerReferences": [owner]},
        "spec": a_template(**resources)["spec"],
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [
                {
                    "name": "web",
                    "ready": ready,
                    "restartCount": 1 if killed else 0,
                    "state": {"running": {"startedAt": "2026-01-05T11:00:01Z"}},
                    "lastState": ended if killed else {},
                }
            ],
        },
    }
