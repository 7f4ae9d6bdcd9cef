"""From alerts and health to an Assessment and a vote. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from incident_agents.agent import Ballot
from incident_agents.detection.alerts import AlertView, Presence, state_of
from incident_commander.api.incident import Incident
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import AlertState, Assessment, Citation, CitationKind, Decision, Severity
from incident_commander.evidence.evidence import Evidence, reference, target_of
from incident_commander.evidence.health import WorkloadHealth
from incident_commander.ports import Object

STORM_ALERTS = 20
"""So many alerts in one Incident are a storm, whatever intake called it."""


class DetectionReason(enum.StrEnum):
    """Why detection votes as it does."""

    SYMPTOM_PRESENT = "SymptomPresent"
    SYMPTOM_FLAPPING = "SymptomFlapping"
    SYMPTOM_GONE = "SymptomGone"
    SYMPTOM_UNKNOWN = "SymptomUnknown"
    SYMPTOM_PREDICTED = "SymptomPredicted"


def assess(
    incident: Incident, views: Sequence[AlertView], health: WorkloadHealth | None, evidence: Evidence
) -> Assessment:
    """Whether the symptom is there, how bad it is, and which object it is about.

    An unhealthy workload is a symptom also when its alert has fallen silent: a rule's ``for`` starts anew
    with each replaced pod. A healthy one with a firing alert is one too: not every symptom is a crash.
    """
    alerts = state_of(views)
    state = _combined(alerts, health)
    message = f"{_of_alerts(views)}; {_of_health(health)}"
    return Assessment(
        state=state,
        severity=_severity(incident, health),
        storm=incident.spec.storm or len(incident.spec.alerts) + incident.spec.omitted_alerts >= STORM_ALERTS,
        target=_pinned(incident, evidence),
        message=message[:1024],
        evidence=_citations(views, health, evidence),
    )


def vote(incident: Incident, assessment: Assessment) -> Ballot:
    """Is the symptom still there now?"""
    evidence = tuple(assessment.evidence)
    if incident.spec.predicted and assessment.state in (AlertState.GONE, AlertState.UNKNOWN):
        message = f"this Incident is a prediction, there is no symptom yet to be seen: {assessment.message}"
        return Ballot(Decision.ABSTAIN, DetectionReason.SYMPTOM_PREDICTED, message, evidence)
    decision, reason = {
        AlertState.FIRING: (Decision.APPROVE, DetectionReason.SYMPTOM_PRESENT),
        AlertState.FLAPPING: (Decision.APPROVE, DetectionReason.SYMPTOM_FLAPPING),
        AlertState.GONE: (Decision.REJECT, DetectionReason.SYMPTOM_GONE),
        AlertState.UNKNOWN: (Decision.ABSTAIN, DetectionReason.SYMPTOM_UNKNOWN),
    }[assessment.state]
    return Ballot(decision, reason, assessment.message, evidence)


def _combined(alerts: AlertState, health: WorkloadHealth | None) -> AlertState:
    healthy = health.healthy if health is not None else None
    if alerts in (AlertState.FIRING, AlertState.FLAPPING):
        return alerts
    if healthy is False:
        return AlertState.FIRING
    if alerts is AlertState.GONE and (healthy is True or health is None or health.reason == "KindNotJudged"):
        return AlertState.GONE
    return AlertState.UNKNOWN


def _severity(incident: Incident, health: WorkloadHealth | None) -> Severity:
    """An outage is critical, whatever the rule's author wrote."""
    out = health is not None and health.healthy is False and (health.desired or 0) > 0 and health.ready == 0
    return Severity.CRITICAL if out else incident.spec.severity


def _pinned(incident: Incident, evidence: Evidence) -> TargetRef | None:
    target = incident.spec.target_ref
    found = _object(evidence)
    if target is None or found is None or (target.uid and found["metadata"].get("uid") != target.uid):
        return target
    return target_of(found)


def _object(evidence: Evidence) -> Object | None:
    target = evidence.target
    if target is None:
        return None
    objects = (obj for found in evidence.objects.values() for obj in found)
    return next(
        (
            obj
            for obj in objects
            if obj.get("kind") == target.kind
            and obj["metadata"].get("name") == target.name
            and obj["metadata"].get("namespace") == target.namespace
        ),
        None,
    )


def _citations(views: Sequence[AlertView], health: WorkloadHealth | None, evidence: Evidence) -> list[Citation]:
    cited = [
        Citation(
            kind=CitationKind.ALERT,
            ref=view.alert.name or view.alert.fingerprint,
            path="ALERTS",
            value=f"{view.presence.value}, begun {view.starts} times within 30 minutes",
        )
        for view in views[:3]
    ]
    found = _object(evidence)
    if found is None or health is None or health.ready is None:
        return cited
    path = "status.numberReady" if health.target.kind == "DaemonSet" else "status.readyReplicas"
    value = (found.get("status") or {}).get(path.split(".")[1])
    if value is None:
        return cited
    version = found["metadata"].get("resourceVersion")
    return [
        *cited,
        Citation(kind=CitationKind.OBJECT, ref=reference(found), path=path, value=str(value), resource_version=version),
    ]


def _of_alerts(views: Sequence[AlertView]) -> str:
    if not views:
        return "no alert"
    words = {
        Presence.ACTIVE: "active",
        Presence.ABSENT: "no longer active",
        Presence.UNHEARD: "not known to Prometheus",
    }
    shown = []
    for view in views[:3]:
        begun = f" (begun {view.starts} times within 30 minutes)" if view.starts > 1 else ""
        ended = f", {view.alert.status.value} by Alertmanager" if view.presence is Presence.UNHEARD else ""
        shown.append(f"{view.alert.name or view.alert.fingerprint} is {words[view.presence]}{begun}{ended}")
    return ", ".join(shown) + (f" and {len(views) - 3} more" if len(views) > 3 else "")


def _of_health(health: WorkloadHealth | None) -> str:
    if health is None:
        return "no object to look at"
    word = {True: "healthy", False: "not healthy", None: "not to be judged"}[health.healthy]
    return f"{health.target} is {word}: {health.message}"
