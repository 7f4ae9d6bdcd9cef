"""A probe fails: does it ask the wrong thing, or does the application not answer?

The kubelet's words tell a wrong path or scheme from silence; declared ports, ports that the log says are listened
on, and what the newest revision changed tell a wrong port from an application that does not listen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from incident_agents.diagnosis.case import Case, probe_kills
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.telling import COMPLAINT, quote
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.owners import selects
from incident_commander.ports import Object

_FAILED = re.compile(r"^(?P<probe>Liveness|Readiness|Startup) probe (failed|errored)[^:]*: ?(?P<why>.*)", re.DOTALL)
_STATUS = re.compile(r"statuscode: (?P<code>\d{3})")
_SCHEME = re.compile(
    r"gave HTTP response to HTTPS client|malformed HTTP|transport connection broken|first record does not look like"
    r"|error reading server preface|http2: |client sent an HTTP request to an HTTPS server|unimplemented"
    r"|unknown service",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"connection refused|connection reset|no route to host", re.IGNORECASE)
_NO_SUCH_PORT = re.compile(r'parsing "[^"]*": invalid syntax|couldn\'t find port|named port')
_NO_COMMAND = re.compile(
    r"executable file not found|no such file or directory|permission denied|not found$", re.IGNORECASE
)
_NO_CONNECTION = re.compile(r"failed to connect service|dial tcp [^\n]{1,80}(?:i/o timeout|deadline)", re.IGNORECASE)
"""The gRPC probes say so of a closed port as well as of a peer that is no gRPC server."""
_SLOW = re.compile(r"deadline exceeded|timeout|timed out|did not complete", re.IGNORECASE)
_LISTENS = re.compile(
    r"(?:listen|serving|bound|started|running|accepting)[^\n]{0,80}?(?:port[ =:]{1,3}|:)(?P<port>\d{2,5})\b",
    re.IGNORECASE,
)
_SETTLING = timedelta(seconds=45)
"""A container that started less than this ago, and never restarted, is only starting."""


@dataclass(frozen=True, slots=True)
class _Failing:
    """A probe of a container that fails now; ``kills`` are the ends that it caused."""

    workload: Workload
    pod: Object
    container: pods.Container
    probe: str
    spec: dict[str, Any]
    why: str
    event: Object
    kills: list[Object]


@dataclass(frozen=True, slots=True)
class _Verdict:
    cause: Cause
    confidence: int
    words: str
    problem: str = ""


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload, container and probe that fails."""
    seen: dict[tuple[str, str, str], list[_Failing]] = {}
    for workload, pod in case.sick:
        for failing in _failing(case, workload, pod):
            key = (workload.ref, failing.container.name, failing.probe)
            seen.setdefault(key, []).append(failing)
    for group in seen.values():
        yield _finding(case, group)


def _failing(case: Case, workload: Workload, pod: Object) -> Iterator[_Failing]:
    done: set[tuple[str, str]] = set()
    for event in case.events(pod, "Unhealthy", "ProbeWarning"):
        match = _FAILED.match(fields.text(event, "message"))
        if match is None:
            continue
        probe = match["probe"].lower()
        named = re.search(r"\{(.+)\}", fields.text(event, "involvedObject", "fieldPath"))
        for container in pods.containers(pod):
            spec = fields.mapping(container.spec, f"{probe}Probe")
            if not spec or (named is not None and named[1] != container.name) or (container.name, probe) in done:
                continue
            kills = probe_kills(case, pod, container.name) if probe != "readiness" else []
            if not _still(case, container, probe, kills):
                continue
            done.add((container.name, probe))
            yield _Failing(workload, pod, container, probe, spec, match["why"].strip(), event, kills)


def _still(case: Case, container: pods.Container, probe: str, kills: list[Object]) -> bool:
    """Whether the failing matters: the container is not ready past its start, or was ended for it."""
    if kills:
        return True
    if probe != "readiness":
        return container.restarts > 0 and not container.ready
    started = fields.moment(container.status, "state", "running", "startedAt")
    starting = started is not None and case.now - started < _SETTLING and container.restarts == 0
    return container.running and not container.ready and not starting


def _finding(case: Case, group: list[_Failing]) -> Finding:
    failing = group[0]
    verdict = _judge(case, failing)
    workload, pod, container = failing.workload, failing.pod, failing.container
    verdict = _with_change(failing, verdict, [f.pod for f in group])
    path = _probe_path(failing)
    evidence = [citing.of_event(failing.event), *(citing.of_event(e) for e in failing.kills[:1])]
    evidence += [citing.of_object(pod, path), citing.of_object(pod, f"{container.path}.ready")]
    evidence += quote(case, pod, container.name, at_least=COMPLAINT)
    return of_workload(
        verdict.cause,
        workload,
        [f.pod for f in group],
        container.name,
        confidence=verdict.confidence,
        summary=f"the {failing.probe} probe of container {container.name} {verdict.words}",
        evidence=evidence,
        facts={"probe": failing.probe, "port": _port_text(failing.spec), "problem": verdict.problem},
    )


def _probe_path(failing: _Failing) -> str:
    key = "initContainers" if failing.container.init else "containers"
    specs = fields.items(failing.pod, "spec", key)
    at = next((n for n, c in enumerate(specs) if c.get("name") == failing.container.name), 0)
    return f"spec.{key}[{at}].{failing.probe}Probe"


def _handler(spec: dict[str, Any]) -> dict[str, Any]:
    return next((spec[h] for h in ("httpGet", "tcpSocket", "grpc") if isinstance(spec.get(h), dict)), {})


def _port_text(spec: dict[str, Any]) -> str:
    port = _handler(spec).get("port")
    return str(port)[:64] if isinstance(port, (int, str)) and not isinstance(port, bool) else ""


def _judge(case: Case, failing: _Failing) -> _Verdict:
    why = failing.why
    status = _STATUS.search(why)
    if status is not None:
        code = int(status["code"])
        if code in (401, 403, 404, 405, 406) or 300 <= code < 400:
            return _Verdict(Cause.PROBE_MISCONFIGURED, 74, f"asks for a path that answers {code}", "Path")
        return _Verdict(Cause.APP_NOT_ANSWERING, 72, f"is answered with {code}: the application says it is not well")
    if _SCHEME.search(why):
        return _Verdict(Cause.PROBE_MISCONFIGURED, 86, "speaks another protocol than the application", "Protocol")
    if _NO_SUCH_PORT.search(why):
        return _Verdict(Cause.PROBE_MISCONFIGURED, 90, "names a port that the container does not have", "Port")
    if "exec" in failing.spec:
        if _NO_COMMAND.search(why):
            return _Verdict(Cause.PROBE_MISCONFIGURED, 84, "runs a command that does not exist", "Path")
        return _Verdict(Cause.APP_NOT_ANSWERING, 60, "runs a command that fails")
    if _REFUSED.search(why) or _NO_CONNECTION.search(why):
        return _refused(case, failing)
    if _SLOW.search(why):
        return _slow(failing)
    return _Verdict(Cause.APP_NOT_ANSWERING, 56, "fails")


def _refused(case: Case, failing: _Failing) -> _Verdict:
    """Nothing listens on the port that the probe asks, or nothing that speaks its protocol."""
    port = _number(failing.container.spec, _handler(failing.spec).get("port"))
    known = _known_ports(case, failing)
    heard = _listened(case, failing)
    if port is not None and heard and port not in heard:
        other = ", ".join(str(n) for n in sorted(heard)[:3])
        sure = 90 if port not in known else 76
        words = f"asks port {port}, but the application listens on {other}"
        return _Verdict(Cause.PROBE_MISCONFIGURED, sure, words, "Port")
    if port is not None and known and port not in known:
        other = ", ".join(str(n) for n in sorted(known)[:3])
        words = f"asks port {port}, which nothing else knows (the container and its Service use {other})"
        return _Verdict(Cause.PROBE_MISCONFIGURED, 86, words, "Port")
    if (words := _other_protocol(failing, port)) != "":
        return _Verdict(Cause.PROBE_MISCONFIGURED, 80, words, "Protocol")
    if failing.kills and (sure := _impatience(failing)):
        words = "ends the container before it has started to listen"
        return _Verdict(Cause.PROBE_MISCONFIGURED, sure, words, "Timing")
    return _Verdict(Cause.APP_NOT_ANSWERING, 68, f"finds nothing listening on port {port or '?'}")


def _known_ports(case: Case, failing: _Failing) -> set[int]:
    """Ports that others use: declared, in the environment, asked by a probe that succeeds, named by a Service."""
    spec = failing.container.spec
    found = {n for p in fields.items(spec, "ports") if (n := fields.integer(p, "containerPort"))}
    for variable in fields.items(spec, "env"):
        if fields.text(variable, "name").upper().endswith("PORT"):
            found.add(_number(spec, fields.text(variable, "value")) or 0)
    if failing.container.ready and failing.probe != "readiness":
        found.add(_number(spec, _handler(fields.mapping(spec, "readinessProbe")).get("port")) or 0)
    labels, place = fields.strings(failing.pod, "metadata", "labels"), fields.namespace(failing.pod)
    for service in case.evidence.of(kinds.SERVICE):
        selector = fields.strings(service, "spec", "selector")
        if fields.namespace(service) == place and selector and selects(selector, labels):
            for part in fields.items(service, "spec", "ports"):
                found.add(_number(spec, part.get("targetPort") or part.get("port")) or 0)
    return found - {0}


def _other_protocol(failing: _Failing, port: int | None) -> str:
    """Another probe talks to the same port in another way, and succeeds."""
    own = _kind(failing.spec)
    for other in _PROBES:
        spec = fields.mapping(failing.container.spec, f"{other}Probe")
        if not spec or other == failing.probe or _kind(spec) in (own, "exec", "tcpSocket", ""):
            continue
        passes = failing.container.ready if other == "readiness" else not failing.container.restarts
        if passes and _number(failing.container.spec, _handler(spec).get("port")) == port:
            return f"speaks {own} to port {port}, which answers the {other} probe by {_kind(spec)}"
    return ""


_PROBES = ("readiness", "liveness", "startup")


def _kind(spec: dict[str, Any]) -> str:
    return next((h for h in ("httpGet", "tcpSocket", "grpc", "exec") if h in spec), "")


def _number(container: dict[str, Any], port: Any) -> int | None:
    if isinstance(port, str) and port.isascii() and port.isdigit() and len(port) < 6:
        return int(port)
    if isinstance(port, int) and not isinstance(port, bool):
        return port
    named = (p for p in fields.items(container, "ports") if port and p.get("name") == port)
    return next((fields.integer(p, "containerPort") for p in named), None)


def _listened(case: Case, failing: _Failing) -> set[int]:
    """Ports on which the log says that the application listens."""
    logs = case.logs(failing.pod, failing.container.name)
    return {int(m["port"]) for log in logs for line in log.lines for m in _LISTENS.finditer(line[:500])}


def _impatience(failing: _Failing) -> int:
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


def _slow(failing: _Failing) -> _Verdict:
    seconds = fields.integer(failing.spec, "timeoutSeconds") or 1
    if failing.kills and (sure := _impatience(failing)):
        words = f"ends the container when it takes more than {seconds} s to answer while it starts"
        return _Verdict(Cause.PROBE_MISCONFIGURED, sure - 6, words, "Timing")
    return _Verdict(Cause.APP_NOT_ANSWERING, 66, f"gets no answer within {seconds} s")


def _with_change(failing: _Failing, verdict: _Verdict, sick: list[Object]) -> _Verdict:
    """A probe that the newest revision changed, failing only there, is the suspect."""
    workload, name = failing.workload, failing.container.name
    changed = workload.changed(name)
    if "probes" not in changed or not (workload.recent_rollout and workload.only_newest(sick)):
        return verdict
    before = fields.mapping(workload.previous_container(name), f"{failing.probe}Probe")
    if before == failing.spec:
        return verdict
    if changed != ["probes"]:
        raised = verdict.confidence + (8 if verdict.cause is Cause.PROBE_MISCONFIGURED else -4)
        return _Verdict(verdict.cause, raised, verdict.words, verdict.problem)
    problem = verdict.problem or _difference(before, failing.spec)
    words = f"{verdict.words}; the newest revision changed nothing but the probe"
    return _Verdict(Cause.PROBE_MISCONFIGURED, max(90, verdict.confidence + 4), words, problem)


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    old, new = _handler(before), _handler(now)
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
