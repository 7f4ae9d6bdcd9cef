"""A dependency is there and ready, and does not answer in time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from incident_agents.diagnosis import endpoints
from incident_agents.diagnosis.addresses import Complaint
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.stores import behind_service
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.ports import Object

_TIME = re.compile(r"deadline exceeded|timed? ?out|ETIMEDOUT|took too long|504", re.IGNORECASE)
_OFTEN, _LATE = 3, 0.8


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each Service that somebody waits for in vain, again and again, until now."""
    waited: dict[str, tuple[Object, dict[str, tuple[Workload, list[Complaint]]]]] = {}
    for workload in case.workloads:
        for complaint in case.complaints[workload.ref]:
            service = case.service_at(complaint.address, fields.namespace(workload.object))
            late = _TIME.search(complaint.line) is not None and not complaint.of_name
            if service is not None and late and behind_service(case, service) is not workload:
                callers = waited.setdefault(reference(service), (service, {}))[1]
                callers.setdefault(workload.ref, (workload, []))[1].append(complaint)
    for service, callers in waited.values():
        lasting = {
            ref: (workload, said)
            for ref, (workload, said) in callers.items()
            if len(said) >= _OFTEN and max(c.at for c in said) >= _LATE
        }
        if lasting and endpoints.ready(case, service):
            yield _finding(case, service, lasting)


def _finding(case: Case, service: Object, callers: dict[str, tuple[Workload, list[Complaint]]]) -> Finding:
    behind = behind_service(case, service)
    first = next(iter(callers.values()))[0]
    said = [c for _, group in callers.values() for c in group[-2:]]
    return Finding(
        cause=Cause.DEPENDENCY_SLOW,
        object=behind.target if behind is not None else target_of(service),
        confidence=54 + (8 if len(callers) > 1 else 0),
        summary=f"Service {fields.name(service)} is ready, but does not answer {', '.join(callers)} in time"[:1000],
        evidence=(*(citing.of_log(c.log, c.line) for c in said[:4]), *endpoints.cited(case, service)[:1]),
        facts={
            "dependency": fields.name(service),
            "dependent": f"{first.kind}/{fields.name(first.object)}"[:256],
        },
        about=frozenset({*callers, reference(service), *([behind.ref] if behind is not None else [])}),
        depends_on=frozenset({behind.ref} if behind is not None else ()),
    )
