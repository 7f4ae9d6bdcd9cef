"""A workload was given a wrong address: a host that no Service has, a port that the Service does not offer.

Which side is wrong when they differ: the one that stands alone against the other callers and the container's port.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from incident_agents.diagnosis import stores
from incident_agents.diagnosis.addresses import Complaint, is_ip
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.naming import in_cluster, meant, nearest, passes_on, services, words
from incident_agents.diagnosis.settings import Setting, given, settings
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference
from incident_commander.ports import Object


@dataclass(frozen=True, slots=True)
class _Wrong:
    problem: str
    confidence: int
    words: str
    expected: str
    service: Object | None


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and wrong address."""
    if not case.evidence.asked(kinds.SERVICE):
        return
    for workload in case.workloads:
        done: set[str] = set()
        for setting in settings(case, workload):
            key = f"{setting.address.host}:{setting.address.port}"
            wrong = _wrong(case, workload, setting) if key not in done else None
            if wrong is not None:
                done.add(key)
                yield _finding(case, workload, setting, wrong)


def _finding(case: Case, workload: Workload, setting: Setting, wrong: _Wrong) -> Finding:
    heard = _heard(case, workload, setting)
    address = _written(setting.address.host, setting.address.port)
    cause = Cause.DEPENDENCY_ADDRESS_WRONG
    facts = {
        "variable": setting.name,
        "address": address,
        "expected": wrong.expected,
        "problem": wrong.problem,
        "protocol": stores.kind_of_service(case, wrong.service) if wrong.service is not None else "",
    }
    if wrong.problem == "Service" and passes_on(workload):
        cause = Cause.GATEWAY_MISROUTED
        facts = {"route": setting.name, "backend": address, "expected": wrong.expected}
    sick = [p for p in workload.living if case.unwell(p)]
    evidence: list[Citation] = [setting.citation, *(citing.of_log(c.log, c.line) for c in heard[:2])]
    if wrong.service is not None:
        evidence.append(citing.of_object(wrong.service, "spec.ports"))
    return of_workload(
        cause,
        workload,
        sick,
        "",
        confidence=wrong.confidence,
        summary=f"{workload.ref} is told to call {address}, but {wrong.words}",
        evidence=evidence,
        facts=facts,
    )


def _wrong(case: Case, workload: Workload, setting: Setting) -> _Wrong | None:
    place, host, port = fields.namespace(workload.object), setting.address.host, setting.address.port
    service = case.service_at(setting.address, place)
    if service is None:
        return _no_service(case, workload, setting, place)
    offered = [n for p in fields.items(service, "spec", "ports") if (n := fields.integer(p, "port")) is not None]
    if port is not None and offered and port not in offered and not is_ip(host):
        return _no_port(case, workload, setting, service, offered)
    return _other_service(case, workload, setting, service, place)


def _heard(case: Case, workload: Workload, setting: Setting) -> list[Complaint]:
    """What the workload says about that host."""
    return [
        c for c in case.complaints[workload.ref] if c.address.host.split(".")[0] == setting.address.host.split(".")[0]
    ]


def _no_service(case: Case, workload: Workload, setting: Setting, place: str) -> _Wrong | None:
    host = setting.address.host
    labels = host.split(".")
    if is_ip(host) or host in ("localhost", "kubernetes") or not setting.sure or not in_cluster(host, place):
        return None
    if any(fields.name(w.object) == labels[0] for w in case.workloads):
        return None  # the name is right: its Service is what is missing
    near = nearest(labels[0], [fields.name(s) for s in _services(case, place)])
    heard = _heard(case, workload, setting)
    if not heard and not near:
        return None  # an optional dependency that is not installed: nobody misses it
    silent = any(True for p in workload.living for log in case.logs(p) if log.lines)
    vague = setting.address.port is None and _VAGUE.search(setting.name) is not None
    confidence = (90 if near else 78) if heard else (_NAMED_ALIKE if vague else 46) if silent else 66
    if len({w.ref for w, _ in given(case, place).get(labels[0], ()) if w is not workload}) >= _AGREED:
        confidence -= _MISSING  # so many are not wrong in the same way: it is the Service that is missing
    tail = f" ({near} would be close)" if near else ""
    service = next((s for s in _services(case, place) if fields.name(s) == near), None)
    return _Wrong("Host", confidence, f"there is no Service {labels[0]}{tail}", near, service)


_VAGUE = re.compile(r"(?:^|[_.-])(?:SERVERS?|NODES?|SERVICE|UPSTREAM|BACKEND|TARGET)$", re.IGNORECASE)
"""Variables of such names hold a kind of thing as often as an address: STORE_BACKEND=s3, DLQ_TARGET=orders-dlq."""
_NAMED_ALIKE = 28


_AGREED, _MISSING = 2, 20


def _services(case: Case, place: str) -> list[Object]:
    return [s for s in case.evidence.of(kinds.SERVICE) if fields.namespace(s) == place]


def _no_port(case: Case, workload: Workload, setting: Setting, service: Object, offered: list[int]) -> _Wrong | None:
    port = setting.address.port
    served = {
        n
        for pod in case.topology.pods_of(service)
        for c in pods.containers(pod)
        for p in fields.items(c.spec, "ports")
        if (n := fields.integer(p, "containerPort")) is not None
    }
    others = [
        s.address.port
        for w in case.workloads
        if w is not workload
        for s in settings(case, w)
        if s.address.port is not None
        and (found := case.service_at(s.address, fields.namespace(w.object))) is not None
        and reference(found) == reference(service)
    ]
    against = sum(p in offered for p in others)
    along = sum(p == port for p in others)
    if along > against or (port in served and not served & set(offered) and not against):
        return None  # the Service stands alone: that is another cause
    heard = _heard(case, workload, setting) or _by_port(case, workload, service, port)
    confidence = 78 + (10 if heard else 0) + (4 if against else 0)
    if not heard and _right_beside(case, workload, service, offered):
        confidence = 46  # another thing of the same program, that nobody misses: metrics, management, TLS
    ports = ", ".join(str(n) for n in offered[:4])
    return _Wrong("Port", confidence, f"that Service offers {ports}", str(offered[0]), service)


def _right_beside(case: Case, workload: Workload, service: Object, offered: list[int]) -> bool:
    """Whether another variable of the workload has the same Service and a port that it offers."""
    place = fields.namespace(workload.object)
    return any(
        s.address.port in offered
        and (found := case.service_at(s.address, place)) is not None
        and reference(found) == reference(service)
        for s in settings(case, workload)
    )


def _by_port(case: Case, workload: Workload, service: Object, port: int | None) -> list[Complaint]:
    place = fields.namespace(workload.object)
    return [
        c
        for c in case.complaints[workload.ref]
        if c.address.port == port
        and (found := case.service_at(c.address, place)) is not None
        and reference(found) == reference(service)
    ]


def _other_service(case: Case, workload: Workload, setting: Setting, service: Object, place: str) -> _Wrong | None:
    """The variable is named after one Service and holds the address of another one."""
    beside = _beside(workload, setting)
    said = words(setting.name) | words(beside)
    wanted = stores.not_of(case, workload, place, meant(case, place, said))
    known = services(case, place)
    if stores.is_said(setting.name) or stores.kind_of_service(case, service):
        # ORDERS_DB_HOST is the database of orders, and not orders.
        wanted = [name for name in wanted if stores.is_said(name) or stores.kind_of_service(case, known[name][0])]
    own = known[fields.name(service)][1]
    behind = stores.behind_service(case, service)
    if not setting.sure or (behind is not None and passes_on(behind)):
        return None  # a name of something else, or the way to it through a gateway
    if not wanted or fields.name(service) in wanted or own & said or _is_within(own, setting.name):
        return None
    text = f"{setting.name} is meant for Service {wanted[0]}"
    confidence = 80 if passes_on(workload) else 76
    if not beside and words(setting.name) - known[wanted[0]][1] - _shared(case, workload):
        confidence = _OF_IT
    return _Wrong("Service", confidence, text, wanted[0], service)


_OF_IT = 36
"""ORDER_EVENTS_URL is the address of the orders' events, which may be anybody's."""
_SAYS_ADDRESS = frozenset(
    {"endpoint", "target", "backend", "upstream", "base", "root", "client", "remote", "internal", "external", "public"}
    | {"grpc", "rpc", "tcp", "connection", "string", "domain", "location", "hostname", "path", "dsn"}
    | {"baseurl", "baseuri", "default", "primary", "main", "prod", "production", "staging", "dev", "test", "k8s"}
)


def _shared(case: Case, workload: Workload) -> frozenset[str]:
    """Words that do not tell Services apart: those of addresses, of the caller, and of variables for several."""
    place = fields.namespace(workload.object)
    counted = case.once(("words of variables", place), lambda: _counted(case, place))
    return _SAYS_ADDRESS | words(fields.name(workload.object)) | {w for w, hosts in counted.items() if len(hosts) > 1}


def _counted(case: Case, place: str) -> dict[str, set[str]]:
    """The hosts of all variables whose names have a word."""
    found: dict[str, set[str]] = {}
    for workload in case.workloads:
        if fields.namespace(workload.object) == place:
            for setting in filter(lambda s: s.sure, settings(case, workload)):
                for word in words(setting.name):
                    found.setdefault(word, set()).add(setting.address.host)
    return found


def _is_within(own: frozenset[str], name: str) -> bool:
    """Names run together as well: SCHEMAREGISTRY_URL is that of schema-registry, basketUrl that of basket."""
    parts = re.split(r"[^a-z0-9]+", name.lower())
    together = {one + other for one in own for other in own if one != other}
    return bool(together & {*parts}) or any(len(w) > _SHORT and w in part for w in own for part in parts)


_SHORT = 3


_ROUTE = re.compile(r"(?P<stem>.+)[_.](?:URI|URL|HOST|TARGET|BACKEND|UPSTREAM)$", re.IGNORECASE)
_OF_ROUTE = re.compile(r"[_.](?:ID|NAME|PATH|PREFIX|PREDICATES(?:[_.]?\d+)?)$", re.IGNORECASE)
_PATH = re.compile(r"[_.](?:PATH|PREFIX|PREDICATES(?:[_.]?\d+)?)$", re.IGNORECASE)
"""Without one of these it is no route: DB_NAME beside DB_HOST is a database."""


def _beside(workload: Workload, setting: Setting) -> str:
    """What the variables of the same route say: ROUTES_0_ID and ROUTES_0_PREDICATES_0 beside ROUTES_0_URI."""
    route = _ROUTE.fullmatch(setting.name)
    pod = workload.living[0] if workload.living else None
    if route is None or pod is None:
        return ""
    stem = route["stem"].lower()
    found = {
        fields.text(variable, "name"): fields.text(variable, "value")
        for container in pods.containers(pod)
        for variable in fields.items(container.spec, "env")
        if (name := fields.text(variable, "name")).lower().startswith(stem) and _OF_ROUTE.search(name[len(stem) :])
    }
    if not any(_PATH.search(name) for name in found) and "route" not in stem:
        return ""
    return "_".join(re.sub(r"[^a-zA-Z0-9]+", "_", text[:200]) for text in list(found.values())[:4])


def _written(host: str, port: int | None) -> str:
    return f"{host}:{port}" if port is not None else host
