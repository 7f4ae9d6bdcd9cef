"""What a workload depends on is down: named by the workload's own connection errors and its environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from incident_agents.diagnosis import endpoints
from incident_agents.diagnosis.addresses import Address, Complaint
from incident_agents.diagnosis.callers import configured
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.outside import is_outside
from incident_agents.diagnosis.telling import fatal
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.lines import clean_line
from incident_commander.evidence.owners import selects
from incident_commander.ports import Object


@dataclass
class _Dependency:
    """One thing that a workload talks to, and what it says about it."""

    name: str
    service: Object | None
    said: list[Complaint] = field(default_factory=list)
    configured: bool = False


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and dependency that it misses."""
    for workload in case.workloads:
        for dependency in _dependencies(case, workload).values():
            found = _finding(case, workload, dependency)
            if found is not None:
                yield found


def _dependencies(case: Case, workload: Workload) -> dict[str, _Dependency]:
    namespace = fields.namespace(workload.object)
    own = {reference(p) for p in workload.pods}
    found: dict[str, _Dependency] = {}
    for complaint in case.complaints[workload.ref]:
        service = case.service_at(complaint.address, namespace)
        if service is not None and any(reference(p) in own for p in case.topology.pods_of(service)):
            continue
        if service is None and is_outside(case, complaint.address.host):
            continue  # ``external`` tells of it
        name = fields.name(service) if service is not None else _written(complaint.address)
        found.setdefault(name, _Dependency(name, service)).said.append(complaint)
    if any(case.unwell(p) for p in workload.living):
        for name, address in configured(case, workload).items():
            service = case.service_at(address, namespace)
            if service is None or any(reference(p) in own for p in case.topology.pods_of(service)):
                continue
            found.setdefault(name, _Dependency(name, service)).configured = True
    return found


def _written(address: Address) -> str:
    return f"{address.host}:{address.port}" if address.port is not None else address.host


def _finding(case: Case, workload: Workload, dependency: _Dependency) -> Finding | None:
    sick = [p for p in workload.living if case.unwell(p)]
    confidence, words = _confidence(case, workload, dependency, sick)
    if confidence == 0:
        return None
    behind = _behind(case, dependency.service) if dependency.service is not None else None
    object_, points_to = _object(case, dependency, behind)
    evidence: list[Citation] = [citing.of_log(c.log, c.line) for c in _distinct(dependency.said)[:3]]
    evidence += _state(case, dependency.service, behind)
    facts = workload.facts(sick[0] if sick else None) | {
        "dependency": clean_line(dependency.name)[:256],
        "dependent": f"{workload.kind}/{fields.name(workload.object)}"[:256],
    }
    return Finding(
        cause=Cause.DEPENDENCY_DOWN,
        object=object_,
        confidence=confidence,
        summary=clean_line(f"{workload.ref} cannot reach {dependency.name}: {words}")[:1000],
        evidence=tuple(evidence),
        facts=facts,
        about=frozenset({workload.ref, *(reference(p) for p in sick)}),
        depends_on=frozenset(points_to),
    )


def _confidence(case: Case, workload: Workload, dependency: _Dependency, sick: list[Object]) -> tuple[int, str]:
    service, said = dependency.service, len(dependency.said)
    # The revision before runs well against the same dependency: then it is not the dependency.
    exonerated = workload.recent_rollout and workload.only_newest(sick) and workload.previous_healthy == "true"
    less = 30 if exonerated else 0
    if service is None:
        if not said or not sick:
            return 0, ""
        last_words = any(fatal(c.line) for c in dependency.said)
        return (54 if said >= 3 or last_words else 40) - less, "its log says so, and it is no Service of this namespace"
    if fields.text(service, "spec", "type") == "ExternalName":
        return (56 if said and sick else 0), "it is outside of the cluster"
    addresses = endpoints.ready(case, service)
    if addresses is None:
        return (48 if said and sick else 0), "its log says so; endpoints could not be read"
    if addresses == 0:
        if said:
            return (86 if said >= 2 else 80) - less, "that Service has no ready endpoint"
        return 52 - less, "its environment names that Service, which has no ready endpoint"
    if said and sick:
        return max(0, 38 - less), "its log says so, but that Service has ready endpoints now"
    return 0, ""


def _behind(case: Case, service: Object) -> Workload | None:
    """The workload that a Service is for."""
    for pod in case.topology.pods_of(service):
        if (found := case.workload_of(pod)) is not None:
            return found
    selector = fields.strings(service, "spec", "selector")
    for workload in case.workloads:
        labels = fields.strings(workload.object, "spec", "template", "metadata", "labels")
        if selects(selector, labels) and fields.namespace(workload.object) == fields.namespace(service):
            return workload
    return None


def _object(case: Case, dependency: _Dependency, behind: Workload | None) -> tuple[TargetRef | None, list[str]]:
    if dependency.service is None:
        return None, []
    points_to = [reference(dependency.service)]
    if behind is None:
        return target_of(dependency.service), points_to
    return behind.target, [*points_to, behind.ref, *(reference(p) for p in behind.living if case.unwell(p))]


def _state(case: Case, service: Object | None, behind: Workload | None) -> list[Citation]:
    if service is None:
        return []
    found = endpoints.cited(case, service)[:1]
    if behind is not None:
        down = [p for p in behind.living if not pods.ready(p)]
        found += [citing.of_object(p, "status.phase") for p in down[:1]]
        if behind.kind == "Deployment":
            found.append(citing.of_object(behind.object, "status.readyReplicas"))
    return found


def _distinct(said: list[Complaint]) -> list[Complaint]:
    found: dict[str, Complaint] = {}
    for complaint in reversed(said):
        found.setdefault(complaint.line, complaint)
    return list(found.values())
