"""What is known of a probe besides its failing: who else knows the port, how else it is asked, how patient it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.evidence import fields, pods
from incident_commander.evidence.evidence import Log
from incident_commander.evidence.owners import selects
from incident_commander.ports import Object

_LISTENS = re.compile(
    r"(?:listen|serving|bound|started|running|accepting|ready)[^\n]{0,80}?"
    r"(?:\bport(?:\(s\))?[ =:]{1,3}|(?:[\s=(\"'*]|0\.0\.0\.0|\[::\]|\blocalhost|127\.0\.0\.1):)(?P<port>\d{2,5})\b",
    re.IGNORECASE,
)
"""An address of somebody else ("started consumer of broker:9092") is not one that is listened on."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A probe of a container that fails now; ``kills`` are the ends that it caused.

    ``event`` None: the kubelet's words were not kept, and ``why`` is empty.
    """

    workload: Workload
    pod: Object
    container: pods.Container
    probe: str
    spec: dict[str, Any]
    why: str
    event: Object | None
    kills: list[Object]


def handler(spec: dict[str, Any]) -> dict[str, Any]:
    """Whom the probe asks: the part that has a port; empty for a command."""
    return next((spec[h] for h in ("httpGet", "tcpSocket", "grpc") if isinstance(spec.get(h), dict)), {})


def known_ports(case: Case, failing: Failing) -> set[int]:
    """Ports that others use: declared, in the environment, asked by a probe that succeeds, named by a Service."""
    spec = failing.container.spec
    found = {n for p in fields.items(spec, "ports") if (n := fields.integer(p, "containerPort"))}
    for variable in fields.items(spec, "env"):
        if fields.text(variable, "name").upper().endswith("PORT"):
            found.add(number_of(spec, fields.text(variable, "value")) or 0)
    if failing.container.ready and failing.probe != "readiness":
        found.add(number_of(spec, handler(fields.mapping(spec, "readinessProbe")).get("port")) or 0)
    labels, place = fields.strings(failing.pod, "metadata", "labels"), fields.namespace(failing.pod)
    for service in case.evidence.of(kinds.SERVICE):
        selector = fields.strings(service, "spec", "selector")
        if fields.namespace(service) == place and selector and selects(selector, labels):
            for part in fields.items(service, "spec", "ports"):
                found.add(number_of(spec, part.get("targetPort") or part.get("port")) or 0)
    return found - {0}


def other_protocol(failing: Failing, port: int | None) -> str:
    """Another probe talks to the same port in another way, and succeeds (or, of one that kills, is the other one)."""
    own = kind_of(failing.spec)
    for other in _PROBES:
        spec = fields.mapping(failing.container.spec, f"{other}Probe")
        if not spec or other == failing.probe or kind_of(spec) in (own, "exec", "tcpSocket", ""):
            continue
        unsaid = failing.event is None and failing.probe == "liveness"
        passes = unsaid or (failing.container.ready if other == "readiness" else not failing.container.restarts)
        if passes and number_of(failing.container.spec, handler(spec).get("port")) == port:
            return f"speaks {own} to port {port}, which answers the {other} probe by {kind_of(spec)}"
    return ""


_PROBES = ("readiness", "liveness", "startup")


def unsaid(case: Case, workload: Workload, pod: Object) -> Iterator[Failing]:
    """Probes that must be failing though no event says so: events are kept for an hour, and not in every recording.

    A container that runs and is not ready has a readiness probe that fails. One that was ended from outside, again
    and again, and has a liveness probe, may have been ended for it.
    """
    for container in pods.containers(pod):
        for probe in ("startup", "readiness", "liveness"):
            spec = fields.mapping(container.spec, f"{probe}Probe")
            if spec and _suffers(container, probe):
                yield Failing(workload, pod, container, probe, spec, "", None, [])
                break


_ENDED_FROM_OUTSIDE = (137, 143)


def _suffers(container: pods.Container, probe: str) -> bool:
    if probe == "readiness":
        return container.running and not container.ready and not container.restarts
    ended = fields.mapping(container.status, "lastState", "terminated")
    killed = fields.integer(ended, "exitCode") in _ENDED_FROM_OUTSIDE and ended.get("reason") != "OOMKilled"
    asked_to = fields.integer(ended, "exitCode") == 0 and container.restarts >= _AGAIN
    return container.restarts > 0 and (killed or asked_to)


_AGAIN = 3
"""Restarts after which a server that ends well has been asked to end."""


def kind_of(spec: dict[str, Any]) -> str:
    """How the probe asks: ``httpGet``, ``tcpSocket``, ``grpc`` or ``exec``."""
    return next((h for h in ("httpGet", "tcpSocket", "grpc", "exec") if h in spec), "")


def number_of(container: dict[str, Any], port: Any) -> int | None:
    """The number of a port that is written as a number or as a name that the container declares."""
    if isinstance(port, str) and port.isascii() and port.isdigit() and len(port) < 6:
        return int(port)
    if isinstance(port, int) and not isinstance(port, bool):
        return port
    named = (p for p in fields.items(container, "ports") if port and p.get("name") == port)
    return next((fields.integer(p, "containerPort") for p in named), None)


def listened(case: Case, failing: Failing) -> set[int]:
    """Ports on which the log says that the application listens."""
    logs = case.logs(failing.pod, failing.container.name)
    return {int(m["port"]) for log in logs for line in log.lines for m in _LISTENS.finditer(line[:500])}


def impatience(failing: Failing) -> int:
    """How sure it is that the probe gave too little time; 0 when it gave enough, or a startup probe would wait."""
    if fields.mapping(failing.container.spec, "startupProbe") and failing.probe != "startup":
        return 0
    number = {
        key: fields.integer(failing.spec, key)
        for key in ("initialDelaySeconds", "periodSeconds", "failureThreshold", "timeoutSeconds")
    }
    spread = (number["periodSeconds"] or 10) * (number["failureThreshold"] or 3)
    patience = (number["initialDelaySeconds"] or 0) + spread
    return next((sure for seconds, sure in _TOO_SHORT if patience <= seconds), 0)


_TOO_SHORT = ((6, 88), (15, 76), (30, 64))
"""Seconds from the start to the kill, and how likely that is too short for an application to start."""


_PROGRESS = re.compile(r"\b(?P<done>\d{1,9}) ?(?:/|of) ?(?P<all>\d{1,9})\b|(?<![\d.])(?P<percent>\d{1,2}) ?%")
_TOLD, _INTERRUPTED = 40, 78


def interrupted(case: Case, failing: Failing) -> int:
    """How sure it is that the probe ended the container amid its start: its last words are of work half done.

    0 when they are not, or when it had begun to listen.
    """
    if fields.mapping(failing.container.spec, "startupProbe") and failing.probe != "startup":
        return 0
    logs = [log for log in case.logs(failing.pod, failing.container.name) if log.previous or _ends(log)]
    if not logs or listened(case, failing):
        return 0
    found = [m for line in logs[-1].lines[-_TOLD:] for m in _PROGRESS.finditer(line[:500])]
    shares = [int(m["done"]) / int(m["all"]) if m["all"] else int(m["percent"]) / 100 for m in found if m["all"] != "0"]
    return _INTERRUPTED if len(shares) > 1 and shares == sorted(shares) and shares[0] < shares[-1] < 1 else 0


def _ends(log: Log) -> bool:
    """Whether a log ends with its program being asked to end."""
    return any(_ASKED_TO_END.search(line[:500]) for line in log.lines[-3:])


_ASKED_TO_END = re.compile(r"SIGTERM|signal 15|shutting down|terminated", re.IGNORECASE)


def takes_tls(case: Case, failing: Failing) -> bool:
    """Whether the application wants TLS where the probe speaks plain HTTP: its log, or another probe, says so."""
    own = handler(failing.spec)
    if fields.text(own, "scheme") == "HTTPS":
        return False
    others = (handler(fields.mapping(failing.container.spec, f"{p}Probe")) for p in _PROBES if p != failing.probe)
    if any(fields.text(o, "scheme") == "HTTPS" and o.get("port") == own.get("port") for o in others):
        return True
    logs = case.logs(failing.pod, failing.container.name)
    return any(case.listen(log).heard(_PLAIN_HTTP) for log in logs)


_PLAIN_HTTP = Words(
    re.compile(
        r"client sent an HTTP request to an HTTPS server|plain HTTP request (?:was sent )?to HTTPS port"
        r"|\bSSL\b.{0,60}http request|not an SSL/TLS record|Unrecognized SSL message, plaintext connection",
        re.IGNORECASE,
    ),
    ("http request", "ssl/tls record", "plaintext connection"),
)
"""Go, nginx and Apache, OpenSSL (Python, Node), Netty, and Java."""


def difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    """What differs between two versions of a probe, as the fact ``problem`` says it."""
    old, new = handler(before), handler(now)
    if old.get("port") != new.get("port"):
        return "Port"
    if old.get("scheme") != new.get("scheme") or (before.keys() ^ now.keys()) & {
        "httpGet",
        "tcpSocket",
        "grpc",
        "exec",
    }:
        return "Protocol"
    return "Path" if old != new or before.get("exec") != now.get("exec") else "Timing"
