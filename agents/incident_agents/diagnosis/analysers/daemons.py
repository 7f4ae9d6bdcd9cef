"""A DaemonSet has no pod on a node: taints of the node keep it away, and the controller says nothing about it."""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis import placement
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference
from incident_commander.ports import Object

_BY_ITSELF = ("node.kubernetes.io/", "node-role.kubernetes.io/")
"""Taints that the controller tolerates for its pods, or that tell the control plane from the rest."""
_NOWHERE, _MEANT, _SUSPECTED = 70, 60, 44


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each DaemonSet that taints of worker nodes keep away; on purpose, as a rule."""
    for workload in case.workloads:
        if workload.kind == "DaemonSet" and workload.health.rollout_complete is not None:
            yield from _kept_away(case, workload)


def _kept_away(case: Case, workload: Workload) -> Iterator[Finding]:
    template = fields.mapping(workload.object, "spec", "template")
    here = {fields.text(p, "spec", "nodeName") for p in workload.pods}
    wanted = placement.allowed(template, case.evidence.of(kinds.NODE))
    away = [(n, taint) for n in wanted if fields.name(n) not in here and (taint := _taint(template, n))]
    if not away:
        return
    node, taint = away[0]
    asked = workload.ref in case.target_refs or any(reference(n) in case.target_refs for n, _ in away)
    nowhere = len(away) == len(wanted) and fields.integer(workload.object, "status", "desiredNumberScheduled") == 0
    names = ", ".join(fields.name(n) for n, _ in away[:4])
    yield of_workload(
        Cause.UNSCHEDULABLE_TAINT,
        workload,
        [],
        "",
        confidence=_NOWHERE if nowhere else _MEANT if asked else _SUSPECTED,
        summary=f"{workload.ref} has no pod on {names}: it does not tolerate the taint {taint}",
        evidence=[
            citing.of_object(node, "spec.taints"),
            citing.of_object(workload.object, "status.desiredNumberScheduled"),
        ],
        facts={"taint": taint},
    )


def _taint(template: Object, node: Object) -> str:
    """The first taint that keeps the pods away, unless the node itself is meant to be left alone."""
    keys = placement.untolerated(template, node)
    return keys[0] if keys and not any(key.startswith(_BY_ITSELF) for key in keys) else ""
