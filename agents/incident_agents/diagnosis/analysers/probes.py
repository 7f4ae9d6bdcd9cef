"""A probe fails: does it ask the wrong thing, or does the application not answer?

The kubelet's words tell a wrong path or scheme from silence; declared ports, ports that the log says are listened
on, and what the newest revision changed tell a wrong port from an application that does not listen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from incident_agents.diagnosis import probing
from incident_agents.diagnosis.case import Case, probe_kills
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.probing import (
    Failing,
    difference,
    handler,
    impatience,
    interrupted,
    known_ports,
    listened,
    number_of,
    other_protocol,
    takes_tls,
)
from incident_agents.diagnosis.telling import COMPLAINT, quote
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields, pods
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
_LONGEST = 600
"""Seconds that any application is given to start."""
_SETTLING = timedelta(seconds=45)
"""A container that started less than this ago, and never restarted, is only starting."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    cause: Cause
    confidence: int
    words: str
    problem: str = ""


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload, container and probe that fails."""
    seen: dict[tuple[str, str, str], list[Failing]] = {}
    for workload, pod in case.sick:
        for failing in list(_failing(case, workload, pod)) or _unsaid(case, workload, pod):
            key = (workload.ref, failing.container.name, failing.probe)
            seen.setdefault(key, []).append(failing)
    for group in seen.values():
        verdict = _judge(case, group[0])
        # That a container was ended for its liveness probe is only a guess when nobody says so: it wants a reason.
        if group[0].event is not None or group[0].probe == "readiness" or verdict.cause is Cause.PROBE_MISCONFIGURED:
            yield _finding(case, group, verdict)


def _failing(case: Case, workload: Workload, pod: Object) -> Iterator[Failing]:
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
            yield Failing(workload, pod, container, probe, spec, match["why"].strip(), event, kills)


def _unsaid(case: Case, workload: Workload, pod: Object) -> Iterator[Failing]:
    for failing in probing.unsaid(case, workload, pod):
        still = failing.probe != "readiness" or _still(case, failing.container, failing.probe, [])
        if still and not _given_time(case, failing):
            yield failing


def _given_time(case: Case, failing: Failing) -> bool:
    """Whether a container has not yet run for as long as its probe itself allows it to start."""
    started = fields.moment(failing.container.status, "state", "running", "startedAt")
    delay = fields.integer(failing.spec, "initialDelaySeconds") or 0
    patience = delay + (fields.integer(failing.spec, "periodSeconds") or 10) * 3
    return started is not None and case.now - started < timedelta(seconds=min(patience, _LONGEST))


def _still(case: Case, container: pods.Container, probe: str, kills: list[Object]) -> bool:
    """Whether the failing matters: the container is not ready past its start, or was ended for it."""
    if kills:
        return True
    if probe != "readiness":
        return container.restarts > 0 and not container.ready
    started = fields.moment(container.status, "state", "running", "startedAt")
    starting = started is not None and case.now - started < _SETTLING and container.restarts == 0
    return container.running and not container.ready and not starting


def _finding(case: Case, group: list[Failing], verdict: _Verdict) -> Finding:
    failing = group[0]
    workload, pod, container = failing.workload, failing.pod, failing.container
    verdict = _with_change(failing, verdict, [f.pod for f in group])
    path = _probe_path(failing)
    evidence = [citing.of_event(e) for e in (failing.event, *failing.kills[:1]) if e is not None]
    evidence += [citing.of_object(pod, path), citing.of_object(pod, f"{container.path}.ready")]
    if failing.event is None and container.restarts:
        evidence.append(citing.of_object(pod, f"{container.path}.lastState.terminated.exitCode"))
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


def _probe_path(failing: Failing) -> str:
    key = "initContainers" if failing.container.init else "containers"
    specs = fields.items(failing.pod, "spec", key)
    at = next((n for n, c in enumerate(specs) if c.get("name") == failing.container.name), 0)
    return f"spec.{key}[{at}].{failing.probe}Probe"


def _port_text(spec: dict[str, Any]) -> str:
    port = handler(spec).get("port")
    return str(port)[:64] if isinstance(port, (int, str)) and not isinstance(port, bool) else ""


def _judge(case: Case, failing: Failing) -> _Verdict:
    why = failing.why
    if failing.event is None:
        found = _refused(case, failing)
        less = _UNSAID if found.cause is Cause.PROBE_MISCONFIGURED else 2 * _UNSAID
        return replace(found, confidence=found.confidence - less)
    status = _STATUS.search(why)
    if status is not None:
        code = int(status["code"])
        if code in (401, 403, 404, 405, 406) or 300 <= code < 400:
            return _Verdict(Cause.PROBE_MISCONFIGURED, 74, f"asks for a path that answers {code}", "Path")
        if code == 400 and takes_tls(case, failing):
            words = "speaks plain HTTP to a port that takes TLS, and is answered with 400"
            return _Verdict(Cause.PROBE_MISCONFIGURED, 88, words, "Protocol")
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


_UNSAID = 8
"""How much less sure it is without the kubelet's words."""


def _refused(case: Case, failing: Failing) -> _Verdict:
    """Nothing listens on the port that the probe asks, or nothing that speaks its protocol."""
    port = number_of(failing.container.spec, handler(failing.spec).get("port"))
    known = known_ports(case, failing)
    heard = listened(case, failing)
    if port is not None and heard and port not in heard:
        other = ", ".join(str(n) for n in sorted(heard)[:3])
        sure = 90 if port not in known else 76
        words = f"asks port {port}, but the application listens on {other}"
        return _Verdict(Cause.PROBE_MISCONFIGURED, sure, words, "Port")
    if port is not None and known and port not in known:
        other = ", ".join(str(n) for n in sorted(known)[:3])
        words = f"asks port {port}, which nothing else knows (the container and its Service use {other})"
        return _Verdict(Cause.PROBE_MISCONFIGURED, 86, words, "Port")
    if (words := other_protocol(failing, port)) != "":
        return _Verdict(Cause.PROBE_MISCONFIGURED, 80, words, "Protocol")
    ends = bool(failing.kills) or (failing.event is None and failing.probe != "readiness")
    if ends and (sure := max(impatience(failing), interrupted(case, failing))):
        words = "ends the container before it has started to listen"
        return _Verdict(Cause.PROBE_MISCONFIGURED, sure, words, "Timing")
    return _Verdict(Cause.APP_NOT_ANSWERING, 68, f"finds nothing listening on port {port or '?'}")


def _slow(failing: Failing) -> _Verdict:
    seconds = fields.integer(failing.spec, "timeoutSeconds") or 1
    if failing.kills and (sure := impatience(failing)):
        words = f"ends the container when it takes more than {seconds} s to answer while it starts"
        return _Verdict(Cause.PROBE_MISCONFIGURED, sure - 6, words, "Timing")
    return _Verdict(Cause.APP_NOT_ANSWERING, 66, f"gets no answer within {seconds} s")


def _with_change(failing: Failing, verdict: _Verdict, sick: list[Object]) -> _Verdict:
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
    problem = verdict.problem or difference(before, failing.spec)
    words = f"{verdict.words}; the newest revision changed nothing but the probe"
    return _Verdict(Cause.PROBE_MISCONFIGURED, max(90, verdict.confidence + 4), words, problem)
