"""An autoscaler wants more replicas than its maximum allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.ports import Object


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each HPA at its maximum whose metrics still ask for more."""
    for hpa in case.evidence.of(kinds.HORIZONTAL_POD_AUTOSCALER):
        most = fields.integer(hpa, "spec", "maxReplicas")
        current = fields.integer(hpa, "status", "currentReplicas") or 0
        limited = fields.condition(hpa, "ScalingLimited")
        capped = limited.get("status") == "True" and limited.get("reason") == "TooManyReplicas"
        if most is None or current < most or not capped:
            continue
        yield _finding(case, hpa, most, current)


def _finding(case: Case, hpa: Object, most: int, current: int) -> Finding:
    over = _over_target(hpa)
    confidence = {True: 84, None: 72, False: 40}[over]
    scaled = case.topology.scale_target(hpa)
    members = [p for p in case.topology.pods_of(hpa) if not pods.terminating(p)]
    ready = sum(pods.ready(p) for p in members)
    if members and ready < len(members) / 2:
        confidence -= 30  # replicas that do not work make the metrics, not the load
    at = next(n for n, c in enumerate(fields.items(hpa, "status", "conditions")) if c.get("type") == "ScalingLimited")
    suggested = max(-(-most * 3 // 2), most + 2)
    evidence = [
        citing.of_object(hpa, "spec.maxReplicas"),
        citing.of_object(hpa, "status.currentReplicas"),
        citing.of_object(hpa, f"status.conditions[{at}].reason"),
    ]
    if over is not None:
        evidence.append(citing.of_object(hpa, "status.currentMetrics"))
    return Finding(
        cause=Cause.HPA_AT_MAXIMUM,
        object=target_of(hpa),
        confidence=confidence,
        summary=f"{reference(hpa)} runs {current} of at most {most} replicas and its metrics ask for more"[:1000],
        evidence=tuple(evidence),
        facts={
            "hpa": fields.name(hpa),
            "currentReplicas": str(current),
            "maxReplicas": str(most),
            "suggestedMaxReplicas": str(suggested),
            "readyReplicas": str(ready),
        },
        about=frozenset({reference(hpa), *([reference(scaled)] if scaled is not None else [])}),
    )


def _over_target(hpa: Object) -> bool | None:
    """Whether a resource metric is above its target; None when neither can be compared."""
    wanted = {_metric_name(m): m for m in fields.items(hpa, "spec", "metrics")}
    answers: list[bool] = []
    for metric in fields.items(hpa, "status", "currentMetrics"):
        spec = wanted.get(_metric_name(metric))
        if spec is None:
            continue
        source = _source(metric)
        target, current = fields.mapping(_source(spec), "target"), fields.mapping(source, "current")
        for field in ("averageUtilization", "averageValue", "value"):
            aim, now = fields.quantity(target, field), fields.quantity(current, field)
            if aim is not None and now is not None:
                answers.append(now > aim)
                break
    return any(answers) if answers else None


def _source(metric: dict[str, Any]) -> dict[str, Any]:
    kind = fields.text(metric, "type")
    return fields.mapping(metric, kind[:1].lower() + kind[1:])


def _metric_name(metric: dict[str, Any]) -> tuple[str, str, str]:
    source = _source(metric)
    named = fields.text(source, "name") or fields.text(source, "metric", "name")
    return fields.text(metric, "type"), named, fields.text(source, "container")
