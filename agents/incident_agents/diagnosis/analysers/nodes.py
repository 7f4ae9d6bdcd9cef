"""A node is not ready or under pressure, and takes its pods with it."""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.health import PRESSURES
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object

_NOBODYS = 44
"""A sick node on which nothing of what was asked about runs: worth a word, and no explanation."""


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each node in trouble; whether it matters for the target is for the ranking."""
    for node in case.evidence.of(kinds.NODE):
        ready = fields.condition(node, "Ready")
        if ready and fields.text(ready, "status") != "True":
            yield _finding(case, node, Cause.NODE_NOT_READY, "Ready", "is not ready", 88)
            continue
        for pressure in PRESSURES:
            if fields.condition(node, pressure).get("status") == "True":
                yield _finding(case, node, Cause.NODE_PRESSURE, pressure, f"reports {pressure}", 84)
        if fields.flag(node, "spec", "unschedulable") and _is_target(case, node):
            yield _cordoned(node)


def _is_target(case: Case, node: Object) -> bool:
    return case.target is not None and reference(case.target) == reference(node)


def known(case: Case) -> list[Object]:
    """The nodes; where they were not read (a namespace's rights do not cover them), what pods say of where they run."""
    if case.evidence.asked(kinds.NODE):
        return list(case.evidence.of(kinds.NODE))
    names = {fields.text(p, "spec", "nodeName") for p in case.evidence.of(kinds.POD)} - {""}
    return [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}} for name in sorted(names)]


def on_node(case: Case, node: Object) -> list[Object]:
    """The pods that were given to a node."""
    return [p for p in case.evidence.of(kinds.POD) if fields.text(p, "spec", "nodeName") == fields.name(node)]


def touched(case: Case, node: Object) -> frozenset[str]:
    """The node, its pods that are not well, and their workloads: whose trouble the node's trouble is."""
    evicted = [p for p in on_node(case, node) if fields.text(p, "status", "reason") == "Evicted"]
    hit = [p for p in on_node(case, node) if not pods.ready(p) and pods.phase(p) not in ("Succeeded", "")]
    workloads = {w.ref for p in hit + evicted if (w := case.workload_of(p)) is not None}
    return frozenset({reference(node), *(reference(p) for p in hit + evicted), *workloads})


def _finding(case: Case, node: Object, cause: Cause, type_: str, words: str, confidence: int) -> Finding:
    conditions = fields.items(node, "status", "conditions")
    at = next(n for n, c in enumerate(conditions) if c.get("type") == type_)
    name, reason = fields.name(node), clean_line(fields.text(conditions[at], "reason"))[:200]
    here = on_node(case, node)
    hit = [p for p in here if not pods.ready(p) and pods.phase(p) != "Succeeded"]
    evidence = [citing.of_object(node, f"status.conditions[{at}].{field}") for field in ("status", "reason", "message")]
    evidence += [citing.of_event(e) for e in case.events(node)[:2]]
    evicted = [p for p in here if fields.text(p, "status", "reason") == "Evicted"]
    evidence += [citing.of_object(p, "status.message") for p in evicted[:2]]
    if case.evidence.target is None and not any(case.workload_of(p) is not None for p in here):
        confidence = min(confidence, _NOBODYS)
    facts = {"node": name, "reason": reason}
    if cause is Cause.NODE_PRESSURE:
        facts["condition"] = type_
    return Finding(
        cause=cause,
        object=target_of(node),
        confidence=confidence,
        summary=clean_line(
            f"node {name} {words} ({reason or 'no reason given'}); {len(hit)} of its pods are not ready"
        )[:1000],
        evidence=tuple(evidence),
        facts=facts,
        about=touched(case, node),
    )


def _cordoned(node: Object) -> Finding:
    name = fields.name(node)
    return Finding(
        cause=Cause.NODE_CORDONED,
        object=target_of(node),
        confidence=62,
        summary=f"node {name} is ready but cordoned: no new pod is put there",
        evidence=(citing.of_object(node, "spec.unschedulable"),),
        facts={"node": name},
        about=frozenset({reference(node)}),
    )
