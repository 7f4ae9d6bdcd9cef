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
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.naming import in_cluster, nearest, passes_on
from incident_agents.diagnosis.outside import TELEMETRY
from incident_agents.diagnosis.settings import Setting, settings
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Log, reference
from incident_commander.ports import Object

_NO_LINK = Words(
    re.compile(
        r"communications link failure|could not (?:connect to|open) (?:server|connection)"
        r"|unable to (?:open|obtain|acquire) (?:a |isolated )?(?:jdbc )?connection|failed to obtain jdbc connection"
        r"|can'?t connect to (?:mysql|postgres|mariadb|database)|connection to server .{1,80} failed"
        r"|unable to connect to any of the specified mysql hosts"
        r"|SQLSTATE\[?(?:HY000|08\w{3})\]?[^\n]{0,40}(?:2002|2003|refused)"
        r"|lost connection to (?:mysql|server) (?:server )?(?:at|during) |invalid connection|P1001"
        r"|SequelizeConnectionRefused"
        r"|error connecting to (?:the )?database|database (?:is )?unreachable",
        re.IGNORECASE,
    ),
    ("link failure", "connect", "obtain", "sqlstate", "p1001", "unreachable"),
)
_LATE, _LATE_UNWELL = 0.9, 0.5
"""Where in its log the last complaint of a workload stands that is well, or not: earlier ones are over."""


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and Service, and for each workload and database."""
    cut_off = {w.ref: said for w in case.workloads if (said := _no_link(case, w)) is not None}
    for workload in case.workloads:
        known = settings(case, workload)
        yield from _asked_elsewhere(case, workload, known)
        yield from _no_such_host(case, workload, {s.address.host for s in known})
        if cut_off.keys() == {workload.ref}:
            yield from _alone(case, workload, cut_off[workload.ref])


def _no_link(case: Case, workload: Workload) -> tuple[Log, str] | None:
    """The last complaint of a database driver that keeps the address to itself, when it goes on until now.

    Whoever starts before his database complains as well, until it is there.
    """
    if stores.kind_of(workload):
        return None
    for pod in workload.living:
        late = _LATE_UNWELL if case.unwell(pod) else _LATE
        for log in case.logs(pod):
            listened = case.listen(log)
            heard = listened.heard(_NO_LINK)
            if heard and (log.previous or listened.recency(heard[-1].last) >= late):
                return log, heard[-1].line
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
        address = f"{said[-1].address.host}:{port}"
        evidence = [*(citing.of_log(c.log, c.line) for c in said[-2:]), citing.of_object(service, "spec.ports")]
        words = f"asks Service {fields.name(service)} for port {port}, but it offers {ports}"
        facts = {"problem": "Port", "protocol": stores.kind_of_service(case, service)}
        yield _elsewhere(workload, sick, words, address, ports, 80 + (6 if sick else 0), evidence, facts)


def _elsewhere(
    workload: Workload,
    sick: list[Object],
    words: str,
    address: str,
    expected: str,
    confidence: int,
    evidence: list[Citation],
    facts: dict[str, str],
) -> Finding:
    """Of a gateway, whose addresses are those of its routes, its route is what is wrong."""
    gateway = passes_on(workload) and not facts["protocol"]
    route = {"backend": address, "expected": expected}
    return of_workload(
        Cause.GATEWAY_MISROUTED if gateway else Cause.DEPENDENCY_ADDRESS_WRONG,
        workload,
        sick,
        "",
        confidence=confidence,
        summary=f"{workload.ref} {words}",
        evidence=evidence,
        facts=route if gateway else {"address": address, "expected": expected, **facts},
    )


def _no_such_host(case: Case, workload: Workload, known: set[str]) -> Iterator[Finding]:
    """The log asks until now for a name that no Service has, and that is close to one, or that a gateway routes to."""
    place = fields.namespace(workload.object)
    names = [fields.name(s) for s in case.evidence.of(kinds.SERVICE) if fields.namespace(s) == place]
    if not names:
        return
    lost: dict[str, list[Complaint]] = {}
    for complaint in case.complaints[workload.ref]:
        host = complaint.address.host
        here = in_cluster(host, place) and not is_ip(host) and host not in known
        if here and complaint.of_name and case.service_at(complaint.address, place) is None:
            lost.setdefault(host.split(".")[0], []).append(complaint)
    for name, said in lost.items():
        close = nearest(name, names)
        exists = any(fields.name(w.object) == name for w in case.workloads)
        if exists or max(c.at for c in said) < _LATE_UNWELL or not (close or (passes_on(workload) and len(said) > 1)):
            continue
        sick = [p for p in workload.living if case.unwell(p)]
        if not sick and all(TELEMETRY.search(c.line) for c in said):
            continue
        tail = f" ({close} would be close)" if close else ""
        evidence = [citing.of_log(c.log, c.line) for c in said[-3:]]
        facts = {"problem": "Host", "protocol": ""}
        words = f"asks for {name}, which is no Service here{tail}"
        yield _elsewhere(workload, sick, words, name, close, 72 + (6 if sick else 0), evidence, facts)


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
