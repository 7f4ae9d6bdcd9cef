"""The kubelet evicted pods: for their own use of local storage, or because their node ran out of something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object

_OWN = (
    (
        "ephemeralStorage",
        re.compile(
            r"ephemeral local storage usage exceeds the total limit of containers (?P<limit>[\w.]{1,32}?)\.?(?:\s|$)"
        ),
    ),
    (
        "ephemeralStorage",
        re.compile(
            r"Container (?P<container>\S{1,63}) exceeded its local ephemeral storage limit \"(?P<limit>[^\"]{1,32})\""
        ),
    ),
    (
        "emptyDir",
        re.compile(
            r"Usage of EmptyDir volume \"(?P<volume>[^\"]{1,63})\" exceeds the limit \"(?P<limit>[^\"]{1,32})\""
        ),
    ),
)
_OF_NODE = re.compile(r"The node was low on resource: \[?(?P<resource>[\w-]{1,64})")
_CONDITIONS = {"memory": "MemoryPressure", "pids": "PIDPressure"}
"""Whatever else runs out is of the disk."""


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and resource, and for each node."""
    own: set[tuple[str, str]] = set()
    nodes: dict[str, list[tuple[Workload, Object, Citation, str]]] = {}
    for workload in case.workloads:
        for pod in workload.pods:
            told = _told(case, pod)
            if told is None:
                continue
            message, citation = told
            for resource, pattern in _OWN:
                match = pattern.search(message)
                if match is not None and (workload.ref, resource) not in own:
                    own.add((workload.ref, resource))
                    yield _of_pod(workload, pod, resource, match, citation)
            node, low = fields.text(pod, "spec", "nodeName"), _OF_NODE.search(message)
            if node and low is not None:
                nodes.setdefault(node, []).append((workload, pod, citation, low["resource"]))
    for name, evicted in nodes.items():
        yield _of_node(case, name, evicted)


def _told(case: Case, pod: Object) -> tuple[str, Citation] | None:
    """The kubelet's words about a pod that it evicted lately: in the pod's status, or in an event about it."""
    if fields.text(pod, "status", "reason") == "Evicted" and case.fresh(_evicted_at(pod)):
        return fields.text(pod, "status", "message"), citing.of_object(pod, "status.message")
    events = case.events(pod, "Evicted")
    return (fields.text(events[0], "message"), citing.of_event(events[0])) if events else None


def _evicted_at(pod: Object) -> datetime | None:
    """Where nothing tells, not before it was made: a younger one was evicted lately, of an older one an event tells."""
    ended = [fields.moment(c.status, "state", "terminated", "finishedAt") for c in pods.containers(pod)]
    turned = fields.moment(fields.condition(pod, "DisruptionTarget"), "lastTransitionTime")
    return turned or max((at for at in ended if at is not None), default=fields.created(pod))


def _of_pod(workload: Workload, pod: Object, resource: str, match: re.Match[str], citation: Citation) -> Finding:
    named = match.groupdict()
    what = f"its volume {named['volume']}" if named.get("volume") else "its local storage"
    return of_workload(
        Cause.RESOURCE_LIMIT_REACHED,
        workload,
        [pod],
        named.get("container") or "",
        confidence=90,
        summary=f"pod {fields.name(pod)} was evicted: {what} holds more than its limit of {named['limit']} allows",
        evidence=[citation, citing.of_object(pod, "status.reason")],
        facts={"resource": resource, "limit": named["limit"]},
    )


def _of_node(case: Case, name: str, evicted: list[tuple[Workload, Object, Citation, str]]) -> Finding:
    resource = evicted[0][3]
    condition = _CONDITIONS.get(resource, "DiskPressure")
    node = case.find(kinds.NODE, "", name) or {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
    victims = ", ".join(sorted({workload.ref for workload, *_ in evicted}))
    return Finding(
        cause=Cause.NODE_PRESSURE,
        object=target_of(node),
        confidence=80,
        summary=clean_line(f"node {name} ran out of {resource} and evicted pods of {victims}")[:1000],
        evidence=tuple(citation for _, _, citation, _ in evicted[:4]),
        facts={"node": name, "condition": condition, "reason": "Evicted"},
        about=frozenset({reference(node), *(w.ref for w, *_ in evicted), *(reference(p) for _, p, *_ in evicted)}),
    )
