"""Wrong addresses that only the log tells: a port that a Service does not offer, or a database that answers others.

Where the address itself comes from (a Secret, a default in the program) is not to be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from incident_agents.diagnosis import stores
from incident_agents.diagnosis.addresses import Complaint, is_ip
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.settings import Setting, settings
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Log, reference
from incident_commander.ports import Object

_NO_LINK = re.compile(
    r"communications link failure|could not (?:connect to|open) (?:server|connection)"
    r"|unable to (?:open|obtain) (?:jdbc )?connection|failed to obtain jdbc connection"
    r"|can'?t connect to (?:mysql|postgres)|connection to server .{1,80} failed",
    re.IGNORECASE,
)
_LAST = 400


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and Service, and for each workload and database."""
    cut_off = {w.ref: said for w in case.workloads if (said := _no_link(case, w)) is not None}
    for workload in case.workloads:
        yield from _asked_elsewhere(case, workload, settings(case, workload))
        if cut_off.keys() == {workload.ref}:
            yield from _alone(case, workload, cut_off[workload.ref])


def _no_link(case: Case, workload: Workload) -> tuple[Log, str] | None:
    """The last complaint of a database driver that keeps the address to itself."""
    if stores.kind_of(workload):
        return None
    for pod in workload.living:
        for log in case.logs(pod):
            for line in reversed(log.lines[-_LAST:]):
                if _NO_LINK.search(line[:1000]):
                    return log, line
    return None


def _alone(case: Case, workload: Workload, said: tuple[Log, str]) -> Iterator[Finding]:
    """The store is well, nobody else complains, and this one does not reach it: then it asks the wrong place."""
    for kind in ("mysql", "postgresql"):
        for service, store in stores.used_by(case, workload, kind)[:1]:
            if store is None or not stores.alive(store):
                continue
            sick = [p for p in workload.living if case.unwell(p)]
            yield of_workload(
                Cause.DEPENDENCY_ADDRESS_WRONG,
                workload,
                sick,
                "",
                confidence=66 + (6 if sick else 0),
                summary=f"{workload.ref} does not reach {store.ref}, which is well, and nobody else complains: "
                "its settings of host and port are the suspects",
                evidence=[citing.of_log(*said), *([citing.of_object(service, "spec.ports")] if service else [])],
                facts={"problem": "Port", "protocol": kind},
            )


def _asked_elsewhere(case: Case, workload: Workload, known: Sequence[Setting]) -> Iterator[Finding]:
    """The log complains about a port of a Service that it does not offer, and the configuration is not to be seen."""
    place = fields.namespace(workload.object)
    seen = {(s.address.host, s.address.port) for s in known}
    by_service: dict[str, tuple[Object, list[Complaint]]] = {}
    for complaint in case.complaints[workload.ref]:
        service = case.service_at(complaint.address, place)
        port = complaint.address.port
        if service is None or port is None or (complaint.address.host, port) in seen:
            continue
        if is_ip(complaint.address.host) and complaint.address.host != fields.text(service, "spec", "clusterIP"):
            continue
        offered = [fields.integer(p, "port") for p in fields.items(service, "spec", "ports")]
        if offered and port not in offered and not _shared(case, workload, service, port):
            by_service.setdefault(reference(service), (service, []))[1].append(complaint)
    for service, said in by_service.values():
        port = said[-1].address.port
        ports = ", ".join(str(fields.integer(p, "port")) for p in fields.items(service, "spec", "ports")[:4])
        sick = [p for p in workload.living if case.unwell(p)]
        yield of_workload(
            Cause.DEPENDENCY_ADDRESS_WRONG,
            workload,
            sick,
            "",
            confidence=80 + (6 if sick else 0),
            summary=f"{workload.ref} asks Service {fields.name(service)} for port {port}, but it offers {ports}",
            evidence=[*(citing.of_log(c.log, c.line) for c in said[-2:]), citing.of_object(service, "spec.ports")],
            facts={
                "address": f"{said[-1].address.host}:{port}",
                "expected": ports,
                "problem": "Port",
                "protocol": stores.kind_of_service(case, service),
            },
        )


def _shared(case: Case, workload: Workload, service: Object, port: int) -> bool:
    """Whether other callers ask for the same port: then it is the Service that changed."""
    return any(
        s.address.port == port
        for w in case.workloads
        if w is not workload
        for s in settings(case, w)
        if (found := case.service_at(s.address, fields.namespace(w.object))) is not None
        and reference(found) == reference(service)
    ) or any(c.address.port == port and w is not workload for w, c in case.complaints_about.get(reference(service), ()))
