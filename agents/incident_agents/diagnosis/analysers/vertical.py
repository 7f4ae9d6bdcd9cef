"""A VerticalPodAutoscaler recommends more than a container may have, cannot recommend, or evicts again and again."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.quantity import format_memory
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object

_BROKEN = ("NoPodsMatched", "ConfigUnsupported", "FetchingHistory")
"""Conditions that are bad when they are True; RecommendationProvided when it is False."""
_EVICTIONS = 3
_APPLIES = ("", "Auto", "Recreate", "InPlaceOrRecreate", "InPlace")
"""Modes in which pods are changed; Initial and Off only recommend to those that run."""


def analyse(case: Case) -> Iterator[Finding]:
    """Of each VPA what it cannot do, and the containers that need more than they may have."""
    for vpa in case.evidence.of(kinds.VERTICAL_POD_AUTOSCALER):
        workload = _target(case, vpa)
        yield from _cannot(vpa, workload)
        if workload is not None:
            yield from _evicts(case, vpa, workload)
            yield from _wants_more(case, vpa, workload)


def _target(case: Case, vpa: Object) -> Workload | None:
    ref = fields.mapping(vpa, "spec", "targetRef")
    name = f"{fields.text(ref, 'kind')}/{fields.namespace(vpa)}/{fields.text(ref, 'name')}"
    return next((w for w in case.workloads if w.ref == name), None)


def _cannot(vpa: Object, workload: Workload | None) -> Iterator[Finding]:
    for n, condition in enumerate(fields.items(vpa, "status", "conditions")):
        type_, status = fields.text(condition, "type"), fields.text(condition, "status")
        old = type_ == "RecommendationProvided" and status == "False"
        if old or (type_ in _BROKEN[:2] and status == "True"):
            reason = clean_line(fields.text(condition, "reason") or type_)[:200]
            words = f"cannot recommend ({type_}: {fields.text(condition, 'message') or reason})"
            cited = [citing.of_object(vpa, f"status.conditions[{n}].{field}") for field in ("type", "message")]
            yield _of_vpa(vpa, workload, 60, words, cited, reason)
            return


def _of_vpa(
    vpa: Object, workload: Workload | None, confidence: int, words: str, cited: list[Citation], reason: str
) -> Finding:
    return Finding(
        cause=Cause.HPA_CANNOT_SCALE,
        object=target_of(vpa),
        confidence=confidence,
        summary=clean_line(f"VerticalPodAutoscaler {fields.name(vpa)} {words}")[:1000],
        evidence=tuple(cited),
        facts={"vpa": fields.name(vpa), "reason": reason},
        about=frozenset({reference(vpa), *([workload.ref] if workload is not None else [])}),
    )


def _evicts(case: Case, vpa: Object, workload: Workload) -> Iterator[Finding]:
    """Each eviction ends a pod that worked: a recommendation that keeps moving never comes to rest."""
    evicted = [e for e in case.events_of("Pod", fields.namespace(vpa), "EvictedByVPA") if _own(e, workload)]
    if sum(fields.integer(e, "count") or 1 for e in evicted) >= _EVICTIONS:
        words = f"has evicted pods of {workload.ref} {len(evicted)} times within an hour"
        cited = [citing.of_event(e) for e in evicted[:3]]
        yield _of_vpa(vpa, workload, 62, words, cited, "EvictsAgain")


def _own(event: Object, workload: Workload) -> bool:
    return fields.text(event, "involvedObject", "name").startswith(f"{fields.name(workload.object)}-")


def _wants_more(case: Case, vpa: Object, workload: Workload) -> Iterator[Finding]:
    """The least that it holds enough is above the container's limit: by use over days, not by one peak."""
    applies = fields.text(vpa, "spec", "updatePolicy", "updateMode") in _APPLIES
    for n, wish in enumerate(fields.items(vpa, "status", "recommendation", "containerRecommendations")):
        name = fields.text(wish, "containerName")
        pod = next(iter(workload.living), None)
        container = pods.container(pod, name) if pod is not None else None
        if pod is None or container is None:
            continue
        limit = fields.quantity(container.spec, "resources", "limits", "memory")
        least = fields.quantity(wish, "lowerBound", "memory")
        wanted = fields.quantity(wish, "uncappedTarget", "memory") or fields.quantity(wish, "target", "memory")
        if limit is None or least is None or wanted is None or least <= limit:
            continue
        killed = fields.text(container.status, "lastState", "terminated", "reason") == "OOMKilled"
        capped = _capped(wish)
        path = f"status.recommendation.containerRecommendations[{n}]"
        words = f"needs {format_memory(int(wanted))} by its use, may have {format_memory(int(limit))}"
        words += "; its VPA may not ask for that much" if capped else "" if applies else "; its VPA only recommends"
        yield of_workload(
            Cause.MEMORY_LIMIT_TOO_LOW,
            workload,
            [pod],
            name,
            confidence=84 if killed else 56,
            summary=f"container {name} {words}",
            evidence=[
                citing.of_object(vpa, f"{path}.lowerBound.memory"),
                citing.of_object(vpa, f"{path}.target.memory"),
                *([citing.of_object(pod, f"{container.path}.lastState.terminated.reason")] if killed else []),
            ],
            facts={"memoryLimit": format_memory(int(limit))},
        )


def _capped(wish: Object) -> bool:
    target, uncapped = (fields.quantity(wish, key, "memory") or Decimal(0) for key in ("target", "uncappedTarget"))
    return uncapped > target > 0
