"""A process may not read or write what is mounted for it, or its pod may not ask the API server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.said import last_said
from incident_agents.diagnosis.said import said as said_again
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import Log
from incident_commander.evidence.structured import message_of
from incident_commander.ports import Object

_DENIED = Words(
    re.compile(
        r"permission denied|EACCES|operation not permitted|EPERM\b|read-only file system|EROFS|AccessDeniedException"
        r"|UnauthorizedAccessException|(?:read-only|not writable|unwritable) (?:file|director|folder|path)"
        r"|(?:directory|folder|path|file) (?:\S+ )?is (?:not writable|not readable|read-only)|must be writable"
        r"|has (?:wrong ownership|(?:wrong|invalid) permissions)",
        re.IGNORECASE,
    ),
    (
        "denied",
        "eacces",
        "not permitted",
        "eperm",
        "read-only",
        "erofs",
        "unauthorizedaccess",
        "writable",
        "readable",
        "ownership",
        "permissions",
    ),
)
_NOT_FILES = re.compile(
    r"for user|publickey|dial tcp|socket: permission|bind: permission|bind\(\)|to (?:table|database|schema)"
    r"|for (?:table|relation|sequence)|rpc error",
    re.IGNORECASE,
)
"""Refusals of other things than files: databases, SSH, sockets, remote services."""
_PATH = re.compile(r"(?<![\w.])/[\w.@%+-]{1,80}(?:/[\w.@%+-]{1,80}){0,12}")
_FORBIDDEN = Words(
    re.compile(
        r'User "system:serviceaccount:(?P<ns>[^:"]{1,253}):(?P<account>[^"]{1,253})" cannot (?P<verb>[a-z]+) '
        r'resource "(?P<resource>[^"]{1,100})"'
    ),
    ("system:serviceaccount:",),
)
_ONCE = 40
"""Not said again, or long ago, by a workload that is well: what it asked for it can do without."""
_TOKENS = "/var/run/secrets/kubernetes.io/serviceaccount"


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and container that is refused."""
    done: set[tuple[str, str, Cause]] = set()
    for workload in case.workloads:
        for pod in workload.living:
            for container in pods.containers(pod):
                for found in (_volume(case, workload, pod, container), _rights(case, workload, pod, container)):
                    key = (workload.ref, container.name, found.cause) if found is not None else None
                    if found is not None and key is not None and key not in done:
                        done.add(key)
                        yield found


def _volume(case: Case, workload: Workload, pod: Object, container: pods.Container) -> Finding | None:
    if container.ready and not container.restarts:
        return None
    mounts = [m for m in fields.items(container.spec, "volumeMounts") if fields.text(m, "mountPath") != _TOKENS]
    if not mounts:
        return None
    said = _refused(case, pod, container)
    if said is None:
        return None
    log, line = said
    mount, sure = _mount(mounts, line)
    n = fields.items(container.spec, "volumeMounts").index(mount)
    key = "initContainers" if container.init else "containers"
    at = next((i for i, c in enumerate(fields.items(pod, "spec", key)) if c.get("name") == container.name), 0)
    evidence: list[Citation] = [
        citing.of_log(log, line),
        citing.of_object(pod, f"spec.{key}[{at}].volumeMounts[{n}].mountPath"),
        citing.of_object(pod, f"{container.path}.restartCount"),
    ]
    if fields.mapping(pod, "spec", "securityContext"):
        evidence.append(citing.of_object(pod, "spec.securityContext"))
    path = fields.text(mount, "mountPath")
    return of_workload(
        Cause.VOLUME_PERMISSION_DENIED,
        workload,
        [pod],
        container.name,
        confidence=90 if sure else 80,
        summary=f"container {container.name} may not use what is mounted at {path}: {message_of(line, 300)}",
        evidence=evidence,
        facts={"path": path, "claim": _claim(pod, fields.text(mount, "name"))},
    )


def _refused(case: Case, pod: Object, container: pods.Container) -> tuple[Log, str] | None:
    return last_said(case, pod, container.name, _DENIED, unless=_NOT_FILES)


def _mount(mounts: list[dict[str, Any]], line: str) -> tuple[dict[str, Any], bool]:
    """The mount that the line names (by the longest path), else the first that may be written."""
    paths = [m[0] for m in _PATH.finditer(line[:2000])]
    under = [
        m
        for m in mounts
        if (at := fields.text(m, "mountPath").rstrip("/")) and any(p == at or p.startswith(f"{at}/") for p in paths)
    ]
    if under:
        return max(under, key=lambda m: len(fields.text(m, "mountPath"))), True
    data = [m for m in mounts if not fields.text(m, "subPath")]
    return (data or mounts)[0], False


def _claim(pod: Object, volume: str) -> str:
    for spec in fields.items(pod, "spec", "volumes"):
        if fields.text(spec, "name") == volume:
            return fields.text(spec, "persistentVolumeClaim", "claimName")
    return ""


def _rights(case: Case, workload: Workload, pod: Object, container: pods.Container) -> Finding | None:
    said = last_said(case, pod, container.name, _FORBIDDEN)
    match = _FORBIDDEN.match(said[1]) if said is not None else None
    if said is None or match is None:
        return None
    sick = not container.ready or container.restarts > 0
    return of_workload(
        Cause.RBAC_FORBIDDEN,
        workload,
        [pod],
        container.name,
        confidence=84 if sick else 58 if said_again(case, workload, _FORBIDDEN) else _ONCE,
        summary=f"ServiceAccount {match['account']} may not {match['verb']} {match['resource']}",
        evidence=[citing.of_log(*said), citing.of_object(pod, "spec.serviceAccountName")],
        facts={
            "serviceAccount": match["account"],
            "verb": match["verb"],
            "resource": match["resource"],
        },
    )
