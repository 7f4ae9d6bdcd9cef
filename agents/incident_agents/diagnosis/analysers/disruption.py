"""Autoscalers that cannot scale, and budgets that let nobody be evicted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.labels import matches
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.lines import clean_line
from incident_commander.evidence.trim import event_time
from incident_commander.ports import Object

_WAITS = re.compile(
    r"would violate the pod's disruption budget|prevents pod evictions?|not enough pod disruption budget"
    r"|blocked by (?:a )?(?:pdb|PodDisruptionBudget)",
    re.IGNORECASE,
)
"""The API server's words, and those of autoscalers of nodes."""


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each HPA without metrics or target, and for each budget that a drain waits for."""
    for hpa in case.evidence.of(kinds.HORIZONTAL_POD_AUTOSCALER):
        for n, condition in enumerate(fields.items(hpa, "status", "conditions")):
            broken = condition.get("type") in ("ScalingActive", "AbleToScale") and condition.get("status") == "False"
            if broken and fields.text(condition, "reason") != "ScalingDisabled":
                yield _cannot_scale(case, hpa, n, condition)
                break
    for budget in case.evidence.of(kinds.POD_DISRUPTION_BUDGET):
        if fields.integer(budget, "status", "disruptionsAllowed") == 0:
            yield from _blocked(case, budget)


def _blocked(case: Case, budget: Object) -> Iterator[Finding]:
    """A drain waits for a budget: it is said so, or a node is cordoned and pods of the budget are left there."""
    place, name = fields.namespace(budget), fields.name(budget)
    selector = fields.mapping(budget, "spec", "selector")
    covered = [
        p
        for p in case.evidence.of(kinds.POD)
        if fields.namespace(p) == place and selector and matches(selector, fields.strings(p, "metadata", "labels"))
    ]
    cordoned = {fields.name(n): n for n in case.evidence.of(kinds.NODE) if fields.flag(n, "spec", "unschedulable")}
    left = [p for p in covered if fields.text(p, "spec", "nodeName") in cordoned]
    said = [e for e in case.evidence.of(kinds.EVENT) if _WAITS.search(fields.text(e, "message"))]
    said = [e for e in said if case.fresh(fields.parse_moment(event_time(e)))]
    named = [e for e in said if name in fields.text(e, "message")]
    if not left and not said:
        return
    # Where its pods are ill, they are what is to be mended.
    missing = (fields.integer(budget, "status", "desiredHealthy") or 0) - (
        fields.integer(budget, "status", "currentHealthy") or 0
    )
    confidence = 44 if missing > 0 else 76 if named or (said and left) else 70 if said else 56
    nodes = [cordoned[fields.text(p, "spec", "nodeName")] for p in left]
    yield Finding(
        cause=Cause.DISRUPTION_BLOCKED,
        object=target_of(budget),
        confidence=confidence,
        summary=f"PodDisruptionBudget {name} allows no eviction, and a drain waits for one",
        evidence=(
            citing.of_object(budget, "status.disruptionsAllowed"),
            *(citing.of_event(e) for e in (named or said)[:2]),
            *(citing.of_object(n, "spec.unschedulable") for n in nodes[:1]),
        ),
        facts={"podDisruptionBudget": name},
        about=frozenset({reference(budget), *(reference(n) for n in nodes)}),
    )


def _cannot_scale(case: Case, hpa: Object, at: int, condition: dict[str, object]) -> Finding:
    reason = clean_line(fields.text(condition, "reason"))[:256]
    message = fields.text(condition, "message")
    scaled = case.topology.scale_target(hpa)
    about = {reference(hpa)} | ({reference(scaled)} if scaled is not None else set())
    return Finding(
        cause=Cause.HPA_CANNOT_SCALE,
        object=target_of(hpa),
        confidence=66,
        summary=clean_line(f"HPA {fields.name(hpa)} cannot scale ({reason}): {message}")[:1000],
        evidence=(
            citing.of_object(hpa, f"status.conditions[{at}].reason"),
            citing.of_object(hpa, f"status.conditions[{at}].message"),
        ),
        facts={"hpa": fields.name(hpa), "reason": reason},
        about=frozenset(about),
    )
