"""Alerts that fire about a workload: somebody measured that it is not well, whatever its pods look like."""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.stores import behind_service
from incident_agents.diagnosis.subjects import Subjects
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.evidence import fields
from incident_commander.intake.target import candidates

_ALWAYS = frozenset({"Watchdog", "InfoInhibitor", "DeadMansSwitch"})
"""They fire to show that alerting works, or to silence others."""
_NO_ILLNESS = frozenset({"none", "info"})
"""Severities of what nobody is called for."""
_OF_APPLICATIONS = (
    "namespace",
    "exported_namespace",
    "app",
    "app_kubernetes_io_name",
    "application",
    "workload",
    "destination_workload",
    "destination_workload_namespace",
    "service_name",
)
"""Labels by which applications, not Kubernetes, say who they are."""


def alerted(case: Case) -> list[tuple[Alert, Workload]]:
    """What fires now about the target or, without one, about a workload that was asked about."""
    return case.once("alerted", lambda: list(_alerted(case)))


def _alerted(case: Case) -> Iterator[tuple[Alert, Workload]]:
    subjects = Subjects(case)
    for alert in case.alerts:
        if not _fires(case, alert) or (workload := _about(case, subjects, alert)) is None:
            continue
        if case.evidence.target is not None:
            asked = workload.ref in case.target_refs
        else:
            asked = case.evidence.namespace in (None, fields.namespace(workload.object))
        if asked:
            yield alert, workload


def _fires(case: Case, alert: Alert) -> bool:
    if alert.name in _ALWAYS or alert.labels.get("severity", "").lower() in _NO_ILLNESS:
        return False
    # Prometheus sends as the end when the alert is over unless it is sent again; Alertmanager's zero is the year 1.
    over = alert.ends_at is not None and alert.starts_at < alert.ends_at <= case.now
    return alert.status is AlertStatus.FIRING and not over


def _about(case: Case, subjects: Subjects, alert: Alert) -> Workload | None:
    for ref in candidates(alert.labels).refs:
        kind = kinds.kind_of(ref.api_version, ref.kind)
        obj = case.find(kind, ref.namespace or "", ref.name) if kind is not None else None
        if obj is None:
            continue
        if ref.kind == "Service":
            found = behind_service(case, obj)
        elif ref.kind == "HorizontalPodAutoscaler":
            scaled = case.topology.scale_target(obj)
            found = case.workload_of(scaled) if scaled is not None else None
        else:
            found = case.workload_of(obj)
        if found is not None:
            return found
    own = {label: alert.labels[label] for label in _OF_APPLICATIONS if label in alert.labels}
    named, place = subjects.of(own), alert.labels.get("exported_namespace") or alert.labels.get("namespace")
    return next(
        (w for w in case.workloads if w.ref == named and place in (None, fields.namespace(w.object))),
        None,
    )
