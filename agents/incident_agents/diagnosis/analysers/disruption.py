"""Autoscalers that cannot scale, and budgets that let nobody be evicted."""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object

_WAITS = "Cannot evict pod as it would violate the pod's disruption budget"


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each HPA without metrics or target, and for each budget that a drain waits for."""
    for hpa in case.evidence.of(kinds.HORIZONTAL_POD_AUTOSCALER):
        for n, condition in enumerate(fields.items(hpa, "status", "conditions")):
            broken = condition.get("type") in ("ScalingActive", "AbleToScale") and condition.get("status") == "False"
            if broken and fields.text(condition, "reason") != "ScalingDisabled":
                yield _cannot_scale(case, hpa, n, condition)
                break
    for budget in case.evidence.of(kinds.POD_DISRUPTION_BUDGET):
        waiting = [e for e in case.evidence.of(kinds.EVENT) if _WAITS in fields.text(e, "message")]
        if waiting and fields.integer(budget, "status", "disruptionsAllowed") == 0:
            yield Finding(
                cause=Cause.DISRUPTION_BLOCKED,
                object=target_of(budget),
                confidence=70,
                summary=f"PodDisruptionBudget {fields.name(budget)} allows no eviction, and a drain waits for one",
                evidence=(
                    citing.of_object(budget, "status.disruptionsAllowed"),
                    *(citing.of_event(e) for e in waiting[:2]),
                ),
                facts={"podDisruptionBudget": fields.name(budget)},
                about=frozenset({reference(budget)}),
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
