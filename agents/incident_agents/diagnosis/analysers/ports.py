"""Two containers of a pod want the same port: they share one network, so the second cannot bind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.said import last_said
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import Log
from incident_commander.ports import Object

_IN_USE = Words(
    re.compile(
        r"address (?:already )?in use|EADDRINUSE|port (?:is )?(?:already )?in use|port \d+ was already in use"
        r"|only one usage of each socket address|address not available: bind|BindException|bind\(\)[^\n]{0,80}\(98"
        r"|failed to bind|could not bind|cannot bind|unable to bind|port is already allocated",
        re.IGNORECASE,
    ),
    ("in use", "inuse", "only one usage", "not available", "bind", "already allocated"),
)
_PORT = re.compile(r"(?::|[Pp]ort[ =:]{1,2}|\]:)(?P<port>\d{2,5})\b")


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload with a container that finds its port taken."""
    done: set[tuple[str, str]] = set()
    for workload in case.workloads:
        for pod in workload.living:
            for container in pods.containers(pod):
                found = None if (workload.ref, container.name) in done else _conflict(case, workload, pod, container)
                if found is not None:
                    done.add((workload.ref, container.name))
                    yield found


def _conflict(case: Case, workload: Workload, pod: Object, container: pods.Container) -> Finding | None:
    said = _complaint(case, pod, container)
    if said is None and not _ended(container):
        return None
    port = _named(said[1]) if said is not None else None
    rival = _rival(pod, container, port)
    if said is None and rival is None:
        return None
    if said is not None and container.ready and not container.restarts:
        return None  # it got over it
    confidence = 58 if said is None else 84 + (10 if rival is not None else 0)
    evidence: list[Citation] = [citing.of_log(*said)] if said is not None else []
    other = ""
    if rival is not None:
        other, path = rival
        evidence.append(citing.of_object(pod, path))
    evidence.append(citing.of_object(pod, f"{container.path}.restartCount"))
    where = f"port {port}" if port is not None else "its port"
    tail = f", which container {other} has as well" if other else ""
    return of_workload(
        Cause.PORT_CONFLICT,
        workload,
        [pod],
        container.name,
        confidence=confidence,
        summary=f"container {container.name} cannot bind {where}{tail}",
        evidence=evidence,
        facts={"port": str(port) if port is not None else "", "otherContainer": other},
    )


def _complaint(case: Case, pod: Object, container: pods.Container) -> tuple[Log, str] | None:
    return last_said(case, pod, container.name, _IN_USE)


def _ended(container: pods.Container) -> bool:
    return bool(container.restarts) and not container.ready


def _named(line: str) -> int | None:
    """The port in a complaint; the last one, since timestamps come first."""
    found = [int(m["port"]) for m in _PORT.finditer(line[:1000])]
    return found[-1] if found else None


def _ports(spec: dict[str, Any]) -> set[int]:
    declared = {n for p in fields.items(spec, "ports") if (n := fields.integer(p, "containerPort")) is not None}
    for variable in fields.items(spec, "env"):
        value = fields.text(variable, "value")
        if "PORT" in fields.text(variable, "name").upper() and value.isascii() and value.isdigit() and len(value) < 6:
            declared.add(int(value))
    return declared


def _rival(pod: Object, container: pods.Container, port: int | None) -> tuple[str, str] | None:
    """Another container of the pod with the same port, and where it says so."""
    specs = fields.items(pod, "spec", "containers")
    own = next((_ports(s) for s in specs if s.get("name") == container.name), set())
    wanted = {port} if port is not None else own
    for n, spec in enumerate(specs):
        if spec.get("name") != container.name and wanted & _ports(spec):
            return fields.text(spec, "name"), f"spec.containers[{n}].ports"
    return None
