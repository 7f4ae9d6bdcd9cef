"""A pod finds no node. The scheduler says why, node by node; else its filters are tried again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from incident_agents.diagnosis import filters, placement
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.scheduler_words import MISSING_CLAIM, TAINT, Reason, parse
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import target_of
from incident_commander.evidence.owners import claims_of
from incident_commander.ports import Object

_OF_THE_NODE = "node.kubernetes.io/"
"""Taints that the node controller puts: the node is the matter, not the pod."""


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload with pods that cannot be scheduled, and for the nodes behind it."""
    stuck: dict[str, tuple[Workload, list[Object]]] = {}
    for workload, pod in case.sick:
        condition = fields.condition(pod, "PodScheduled")
        if pods.phase(pod) == "Pending" and condition.get("status") == "False":
            if fields.text(condition, "reason") == "SchedulingGated":
                continue
            stuck.setdefault(workload.ref, (workload, []))[1].append(pod)
    for workload, waiting in stuck.values():
        yield from _findings(case, workload, waiting)


def _findings(case: Case, workload: Workload, waiting: list[Object]) -> Iterator[Finding]:
    pod = waiting[0]
    message, evidence = _message(case, pod)
    found, doubt = (parse(message), 0) if message else _tried(case, pod)
    reasons = _meant(case, pod, found)
    telling = [r for r in reasons if not r.background] or reasons
    telling.sort(key=lambda r: -_WEIGHT.get(r.cause, 0) * 1000 - r.nodes)
    changed = {
        c for spec in fields.items(pod, "spec", "containers") for c in workload.changed(fields.text(spec, "name"))
    }
    for place, reason in enumerate(telling[:3]):
        confidence = 90 if len(telling) == 1 else (80 if place == 0 else 50)
        if workload.recent_rollout and _BLAMED.get(reason.cause) in changed:
            confidence += 6
        confidence -= doubt
        if reason.cause is Cause.NODE_CORDONED:
            yield from _cordoned(case, workload, waiting, confidence, evidence)
            continue
        note, facts, more = _details(case, pod, reason)
        yield of_workload(
            reason.cause,
            workload,
            waiting,
            "",
            confidence=confidence,
            summary=f"pod {fields.name(pod)} finds no node: {reason.detail} on {reason.nodes or 'all'} nodes{note}",
            evidence=[*evidence, *more],
            facts=facts,
            depends_on=_points_to(case, pod, reason),
        )


_RETOLD, _PASSES = 4, 26
"""How much less sure: the filters were tried again here; and a node passes them, so something is not known."""


def _tried(case: Case, pod: Object) -> tuple[list[Reason], int]:
    """By the objects. Where a node would do as far as is known, what is not known is who else takes its room."""
    found = filters.filtered(case, pod)
    if not found.passed:
        return list(found.reasons), _RETOLD
    nodes = [n for n in case.evidence.of(kinds.NODE) if fields.name(n) in found.passed]
    tightest = filters.tightest(case, pod, nodes)
    room = [Reason(Cause.UNSCHEDULABLE_RESOURCES, len(nodes), f"Insufficient {tightest}")] if tightest else []
    return [*room, *found.reasons], _PASSES


def _meant(case: Case, pod: Object, reasons: list[Reason]) -> list[Reason]:
    """The reasons again, with what is only background marked.

    The scheduler names for each node the first filter that it fails, so most clauses are about nodes that never
    were for this pod. When its own selector and affinity accept some nodes, those were meant: what keeps the pod
    from *them* is the reason. A cordoned or tainted node of the control plane is never meant by an ordinary pod.
    """
    nodes = case.evidence.of(kinds.NODE)
    accepted = [n for n in placement.allowed(pod, nodes) if not _kept_free(n, nodes)]
    narrowed = len(accepted) < len([n for n in nodes if not _kept_free(n, nodes)])
    shut = [n for n in accepted if fields.flag(n, "spec", "unschedulable")]
    found = []
    for reason in reasons:
        background = reason.background
        if reason.cause is Cause.UNSCHEDULABLE_AFFINITY and _by_node(reason.detail) and accepted:
            background = True
        if reason.cause is Cause.NODE_CORDONED and nodes and not shut:
            background = True
        if reason.cause is Cause.UNSCHEDULABLE_TAINT and narrowed and accepted:
            keys = {key for n in accepted for key in placement.untolerated(pod, n)}
            background = background or reason.taint not in keys
        found.append(replace(reason, background=background))
    return found


def _by_node(detail: str) -> bool:
    """Whether a clause is about the pod's node selector or node affinity."""
    return "node affinity" in detail.lower() or "selector" in detail.lower()


def _kept_free(node: Object, nodes: Sequence[Object]) -> bool:
    """A node of the control plane, while there are others."""
    return placement.is_control_plane(node) and not all(placement.is_control_plane(n) for n in nodes)


_WEIGHT = {
    Cause.UNSCHEDULABLE_VOLUME: 4,
    Cause.UNSCHEDULABLE_RESOURCES: 3,
    Cause.UNSCHEDULABLE_AFFINITY: 2,
    Cause.NODE_CORDONED: 1,
    Cause.UNSCHEDULABLE_TAINT: 1,
}
"""Which of several reasons is named first: those that hold for the pod on any node, then by number of nodes."""

_BLAMED = {
    Cause.UNSCHEDULABLE_RESOURCES: "resources",
    Cause.UNSCHEDULABLE_AFFINITY: "placement",
    Cause.UNSCHEDULABLE_TAINT: "placement",
    Cause.UNSCHEDULABLE_VOLUME: "volumes",
}


def _message(case: Case, pod: Object) -> tuple[str, list[Citation]]:
    conditions = fields.items(pod, "status", "conditions")
    at = next(n for n, c in enumerate(conditions) if c.get("type") == "PodScheduled")
    message = fields.text(conditions[at], "message")
    events = case.events(pod, "FailedScheduling")
    if message:
        return message, [citing.of_object(pod, f"status.conditions[{at}].message")]
    if events:
        return fields.text(events[0], "message"), [citing.of_event(events[0])]
    return "", [citing.of_object(pod, f"status.conditions[{at}].reason")]


def _details(case: Case, pod: Object, reason: Reason) -> tuple[str, dict[str, str], list[Citation]]:
    if reason.cause is Cause.UNSCHEDULABLE_RESOURCES:
        resource = reason.detail.lower().removeprefix("insufficient ").strip() if "nsuff" in reason.detail else "pods"
        requested, cited = _requested(pod, resource)
        return (
            (f" (requested: {requested})" if requested else ""),
            {"resource": resource, "requested": requested},
            cited,
        )
    if reason.cause is Cause.UNSCHEDULABLE_TAINT:
        found = TAINT.search(reason.detail)
        return "", {"taint": found["taint"] if found is not None else ""}, []
    if reason.cause is Cause.UNSCHEDULABLE_AFFINITY:
        constraint, cited = _constraint(pod, reason.detail, case.evidence.of(kinds.NODE))
        return "", {"constraint": constraint}, cited
    if reason.cause is Cause.UNSCHEDULABLE_VOLUME:
        named = MISSING_CLAIM.search(reason.detail)
        claims = claims_of(pod)
        pending = [c for c in claims if _claim_phase(case, pod, c) not in ("Bound", "")]
        claim = named["claim"] if named is not None else next(iter(pending or claims), "")
        return (f" (claim {claim})" if claim else ""), {"claim": claim}, []
    return "", {}, []


def _requested(pod: Object, resource: str) -> tuple[str, list[Citation]]:
    asked = [
        (fields.quantity(c, "resources", "requests", resource), n)
        for n, c in enumerate(fields.items(pod, "spec", "containers"))
    ]
    known = [(amount, n) for amount, n in asked if amount is not None]
    if not known:
        return "", []
    _, n = max(known)
    path = f"spec.containers[{n}].resources.requests"
    written = fields.value(pod, "spec", "containers", n, "resources", "requests", resource)
    plain = resource.isalnum()
    return str(written)[:64], [citing.of_object(pod, f"{path}.{resource}" if plain else path)]


def _constraint(pod: Object, detail: str, nodes: Sequence[Object]) -> tuple[str, list[Citation]]:
    """Which field of the pod leaves no node."""
    text = detail.lower()
    if "topology spread" in text:
        return "topologySpreadConstraints", [citing.of_object(pod, "spec.topologySpreadConstraints")]
    if "free ports" in text:
        return "hostPort", []
    if "anti-affinity" in text:
        return "podAntiAffinity", [citing.of_object(pod, "spec.affinity")]
    if "pod affinity" in text:
        return "podAffinity", [citing.of_object(pod, "spec.affinity")]
    selector = bool(fields.mapping(pod, "spec", "nodeSelector"))
    if selector and placement.required_terms(pod) and any(placement.selected(pod, n) for n in nodes):
        selector = False  # some node has the selector's labels: the affinity is what leaves none
    if selector:
        return "nodeSelector", [citing.of_object(pod, "spec.nodeSelector")]
    return "nodeAffinity", [citing.of_object(pod, "spec.affinity")]


def _claim_phase(case: Case, pod: Object, claim: str) -> str:
    found = case.find(kinds.PERSISTENT_VOLUME_CLAIM, fields.namespace(pod), claim)
    return fields.text(found, "status", "phase") if found is not None else "Missing"


def _points_to(case: Case, pod: Object, reason: Reason) -> list[str]:
    if reason.cause is Cause.UNSCHEDULABLE_VOLUME:
        return [f"PersistentVolumeClaim/{fields.namespace(pod)}/{c}" for c in claims_of(pod)]
    if reason.cause is Cause.UNSCHEDULABLE_TAINT and f"{{{_OF_THE_NODE}" in reason.detail:
        return [f"Node/{fields.name(n)}" for n in _not_ready(case)]
    return []


def _not_ready(case: Case) -> list[Object]:
    return [n for n in case.evidence.of(kinds.NODE) if fields.condition(n, "Ready").get("status") != "True"]


def _cordoned(
    case: Case, workload: Workload, waiting: list[Object], confidence: int, evidence: list[Citation]
) -> Iterator[Finding]:
    """The node to be uncordoned is the object: only a node that is ready, cordoned, and alone in that."""
    nodes = case.evidence.of(kinds.NODE)
    accepted = placement.allowed(waiting[0], nodes)
    cordoned = [n for n in accepted if fields.flag(n, "spec", "unschedulable")]
    cordoned = [n for n in cordoned if not _kept_free(n, nodes)] or cordoned
    ready = [n for n in cordoned if fields.condition(n, "Ready").get("status") == "True"]
    objects: list[TargetRef] = [target_of(n) for n in ready]
    names = ", ".join(o.name for o in objects) or "a node"
    base = of_workload(
        Cause.NODE_CORDONED,
        workload,
        waiting,
        "",
        confidence=confidence if len(objects) == 1 else confidence - 15,
        summary=f"pod {fields.name(waiting[0])} finds no node: {names} would do, but is cordoned",
        evidence=[*evidence, *(citing.of_object(n, "spec.unschedulable") for n in ready[:3])],
        depends_on=[str(o) for o in objects],
    )
    if not objects:
        yield base
        return
    yield Finding(
        base.cause,
        objects[0],
        base.confidence,
        base.summary,
        base.evidence,
        {"node": objects[0].name, "dependent": f"{workload.kind}/{fields.name(workload.object)}"[:256]},
        base.about | {str(objects[0])},
        base.depends_on,
    )
