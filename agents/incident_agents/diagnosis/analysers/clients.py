"""One client swamps a workload: its access log names the address, and the address is a pod's."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.measures import Measure
from incident_agents.diagnosis.movements import Movement, movements, of_ref
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.owners import selects
from incident_commander.ports import Object

_SURGE = 2.5
_LEAST_REQUESTS, _SHARE = 50, 0.8
"""Of so many requests in the log, this share comes from one workload, and others are among the clients."""
_COMMON = re.compile(r"^(?P<client>[0-9a-fA-F.:]{3,45}) \S+ \S+ \[")
"""The common and the combined log format: what nginx, Apache, Envoy's and many applications' access logs begin with."""
_FIELD = re.compile(r'"(?:remote_addr|remote_ip|client_ip|clientIp|client|peer)" ?: ?"(?P<client>[0-9a-fA-F.:]{3,45})"')
"""The same in a line of JSON. Forwarded headers are not read: a client may write into them what it likes."""


def analyse(case: Case) -> Iterator[Finding]:
    """Where requests rose, and only where the log leaves no doubt who sends them."""
    for movement in movements(case):
        workload = of_ref(case, movement.subject) if movement.measure is Measure.REQUESTS else None
        if workload is not None and movement.before is not None and movement.rose >= _SURGE:
            yield from _flooded(case, workload, movement)


def _flooded(case: Case, workload: Workload, movement: Movement) -> Iterator[Finding]:
    counts, lines = _requests(case, workload)
    total = sum(counts.values())
    if total < _LEAST_REQUESTS:
        return
    by_client: Counter[str] = Counter()
    for address, count in counts.items():
        client = _sender(case, address)
        by_client[client.ref if client is not None else address] += count
    name, most = by_client.most_common(1)[0]
    client = of_ref(case, name)
    if client is None or client is workload or len(by_client) < 2 or most / total < _SHARE:
        return
    label = _label(case, client)
    if not label or _serves(case, client):
        return
    share = f"{100 * most / total:.0f}"
    yield of_workload(
        Cause.TRAFFIC_SURGE,
        workload,
        list(workload.ready[:1]),
        "",
        confidence=92,
        summary=f"{client.ref} floods {workload.ref}: {share} % of {total} logged requests, {len(by_client)} clients;"
        f" requests are {movement.rose:.1f} times what they were",
        evidence=[movement.citation, *_cited(case, client, lines)],
        facts={
            "rate": f"{movement.after:.3g}",
            "baseline": f"{movement.before:.3g}",
            "client": client.ref,
            "clientNamespace": fields.namespace(client.object),
            "clientLabel": label,
        },
        depends_on=[client.ref],
    )


def _requests(case: Case, workload: Workload) -> tuple[Counter[str], dict[str, list[Citation]]]:
    """How often each address stands as the client in the logs of the workload's pods, with some of its lines."""
    counts: Counter[str] = Counter()
    cited: dict[str, list[Citation]] = {}
    for pod in workload.living:
        for log in case.logs(pod):
            for line in log.lines if not log.previous else ():
                found = _COMMON.match(line) or _FIELD.search(line)
                address = _address(found["client"]) if found is not None else ""
                if address:
                    counts[address] += 1
                    if counts[address] <= 3:
                        cited.setdefault(address, []).append(citing.of_log(log, line))
    return counts, cited


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _pods_by_address(case: Case) -> dict[str, Object]:
    """Pods with an address of their own. What runs on a node's network shares the node's, and names nobody."""
    found: dict[str, Object] = {}
    for pod in case.evidence.of(kinds.POD):
        if not fields.flag(pod, "spec", "hostNetwork"):
            for text in {fields.text(pod, "status", "podIP")} - {""}:
                found[text] = pod
    return found


def _sender(case: Case, address: str) -> Workload | None:
    pod = case.once("pods by address", lambda: _pods_by_address(case)).get(address)
    return case.workload_of(pod) if pod is not None else None


def _cited(case: Case, client: Workload, lines: dict[str, list[Citation]]) -> list[Citation]:
    """Lines of the log that name the client's pods."""
    return [c for address, found in lines.items() if _sender(case, address) is client for c in found][:3]


def _serves(case: Case, client: Workload) -> bool:
    """Whether it passes on what others ask of it, as a gateway or a tier in between does: then it is not the source."""
    labels = [fields.strings(pod, "metadata", "labels") for pod in client.pods]
    return any(
        selects(fields.strings(service, "spec", "selector"), own)
        for service in case.evidence.of(kinds.SERVICE)
        if fields.namespace(service) == fields.namespace(client.object)
        for own in labels
    )


def _label(case: Case, client: Workload) -> str:
    """One label that all of its pods have, and nobody else's in its namespace; empty when there is none."""
    place, own = fields.namespace(client.object), {fields.name(pod) for pod in client.pods}
    others = [p for p in case.evidence.of(kinds.POD) if fields.namespace(p) == place and fields.name(p) not in own]
    shared = [fields.strings(pod, "metadata", "labels").items() for pod in client.pods]
    common = set(shared[0]).intersection(*shared[1:]) if shared else set()
    taken = {pair for pod in others for pair in fields.strings(pod, "metadata", "labels").items()}
    found = sorted(f"{key}={value}" for key, value in common - taken if "hash" not in key and value)
    return found[0] if found else ""
