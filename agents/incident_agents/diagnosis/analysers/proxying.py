"""From one node Services do not answer, though they are well and answer elsewhere: the node's proxying of Services."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from incident_agents.diagnosis import endpoints
from incident_agents.diagnosis.addresses import Complaint, is_ip
from incident_agents.diagnosis.analysers.nodes import touched
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.ports import Object

_NO_ANSWER = re.compile(r"timed? ?out|timeout|deadline exceeded|no route to host|unreachable|refused", re.IGNORECASE)
_LOOKUP = re.compile(r"\blookup |resol", re.IGNORECASE)
"""A resolver that does not answer in time is no address that does not."""
_LATE, _OFTEN = 0.9, 3


@dataclass
class _Cut:
    """What the workloads of one node miss: Services by their names, and by their addresses."""

    callers: dict[str, Workload] = field(default_factory=dict)
    unresolved: dict[str, list[Complaint]] = field(default_factory=dict)
    silent: dict[str, list[Complaint]] = field(default_factory=dict)


def analyse(case: Case) -> Iterator[Finding]:
    """One finding, when all that complain about several healthy Services, until now, run on one and the same node."""
    cut: dict[str, _Cut] = {}
    for workload in case.workloads:
        for complaint in case.complaints[workload.ref]:
            service = case.service_at(complaint.address, fields.namespace(workload.object))
            if service is not None and complaint.at >= _LATE and endpoints.ready(case, service):
                for place in _nodes(workload):
                    _note(cut.setdefault(place, _Cut()), workload, service, complaint)
    if len(cut) != 1:
        return
    name, found = next(iter(cut.items()))
    node = case.find(kinds.NODE, "", name)
    if node is not None and _runs_elsewhere(case, name) and (sure := _sure(found)):
        yield _finding(case, node, found, sure)


def _nodes(workload: Workload) -> set[str]:
    return {fields.text(p, "spec", "nodeName") for p in workload.living} - {""}


def _note(cut: _Cut, workload: Workload, service: Object, complaint: Complaint) -> None:
    if complaint.of_name or _LOOKUP.search(complaint.line):
        missed = cut.unresolved
    elif is_ip(complaint.address.host) and _NO_ANSWER.search(complaint.line):
        missed = cut.silent
    else:
        return
    cut.callers[workload.ref] = workload
    missed.setdefault(reference(service), []).append(complaint)


def _runs_elsewhere(case: Case, node: str) -> bool:
    """Whether workloads run on other nodes as well, that could complain."""
    return any(_nodes(w) - {node} for w in case.workloads)


def _sure(cut: _Cut) -> int:
    """Names and addresses both: the cluster's DNS is a Service like the others. Else several must complain."""
    often = sum(len(said) for said in (*cut.unresolved.values(), *cut.silent.values())) >= _OFTEN
    services = cut.unresolved.keys() | cut.silent.keys()
    if not often or len(services) < 2:
        return 0
    if cut.unresolved and cut.silent:
        return 80
    return 64 if len(cut.callers) > 1 else 0


def _finding(case: Case, node: Object, cut: _Cut, sure: int) -> Finding:
    services = sorted({ref.rsplit("/", 1)[-1] for ref in (*cut.unresolved, *cut.silent)})
    said = [group[-1] for missed in (cut.unresolved, cut.silent) for group in list(missed.values())[:2]]
    name = fields.name(node)
    callers = ", ".join(sorted(cut.callers))
    return Finding(
        cause=Cause.KUBE_PROXY_DOWN,
        object=target_of(node),
        confidence=sure,
        summary=f"on node {name} alone, {', '.join(services[:4])} do not answer {callers}, though they are well"[:1000],
        evidence=(*(citing.of_log(c.log, c.line) for c in said), citing.of_object(node, "metadata.name")),
        facts={"node": name, "reason": "Services do not answer on this node alone"},
        about=touched(case, node) | cut.callers.keys(),
    )
