"""A pod has a node, but its sandbox or a volume cannot be set up: memory, network, runtime class, attach and mount."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object

_OOM = re.compile(r"OOM-killed|memory limit too low", re.IGNORECASE)
"""runc: "container init was OOM-killed (memory limit too low?)"."""
_CONFIG = re.compile(r"(?:configmap|secret) \S+ not found|non-existent (?:config|secret) key", re.IGNORECASE)
_TRANSIENT = re.compile(r"failed to sync (?:configmap|secret) cache|timed out waiting for the condition")
_VOLUME = re.compile(r'volume "(?P<volume>[^"]{1,253})"|volumes=\[(?P<list>[^\]\s]{1,253})')
_MULTI = re.compile(r"Multi-Attach error", re.IGNORECASE)
_DENIED = re.compile(r"permission denied|access denied|operation not permitted", re.IGNORECASE)


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and kind of trouble."""
    done: set[tuple[str, str]] = set()
    for workload, pod in case.sick:
        for name, found in (("sandbox", _sandbox(case, workload, pod)), ("mount", _mount(case, workload, pod))):
            if found is not None and (workload.ref, name) not in done:
                done.add((workload.ref, name))
                yield found


def _waiting(pod: Object) -> bool:
    return any(c.waiting in ("ContainerCreating", "PodInitializing") for c in pods.containers(pod)) or (
        pods.phase(pod) == "Pending" and bool(fields.text(pod, "spec", "nodeName"))
    )


def _sandbox(case: Case, workload: Workload, pod: Object) -> Finding | None:
    said = [
        (e, fields.text(e, "message")) for e in case.events(pod, "FailedCreatePodSandBox", "FailedCreatePodContainer")
    ]
    starts = [c for c in pods.containers(pod) if c.waiting in ("RunContainerError", "CreateContainerError")]
    refused = [
        (citing.of_object(pod, f"{c.path}.state.waiting.message"), c) for c in starts if _OOM.search(c.waiting_message)
    ]
    killed = [e for e, message in said if _OOM.search(message)]
    if killed or refused:
        return _no_memory(
            workload, pod, [*(citing.of_event(e) for e in killed[:2]), *(cited for cited, _ in refused[:2])]
        )
    if not said and (tight := _no_room_for_init(case, pod)):
        return replace(_no_memory(workload, pod, [citing.of_object(pod, tight)]), confidence=66)
    if not said or not _waiting(pod):
        return None
    message = clean_line(said[0][1])
    return of_workload(
        Cause.POD_SANDBOX_FAILED,
        workload,
        [pod],
        "",
        confidence=74,
        summary=f"the sandbox of pod {fields.name(pod)} cannot be set up: {message}",
        evidence=[citing.of_event(e) for e, _ in said[:3]],
        facts={"node": fields.text(pod, "spec", "nodeName"), "reason": message},
        depends_on=[f"Node/{fields.text(pod, 'spec', 'nodeName')}"],
    )


def _no_room_for_init(case: Case, pod: Object) -> str:
    """Where a container waits to be created, unexplained, with less memory than runtimes need; or empty."""
    created = fields.created(pod)
    if created is None or case.now - created < _LONG or case.events(pod):
        return ""
    for spec in fields.items(pod, "spec", "containers"):
        limit = fields.quantity(spec, "resources", "limits", "memory")
        container = pods.container(pod, fields.text(spec, "name"))
        if container is not None and container.waiting == "ContainerCreating" and limit is not None and limit < _LEAST:
            return f"{container.path}.state.waiting.reason"
    return ""


_LEAST = 6 * 1024 * 1024
"""Docker refuses less, CRI-O less than twice that; runc's init process alone takes some megabytes."""
_LONG = timedelta(seconds=60)


def _no_memory(workload: Workload, pod: Object, evidence: list[Citation]) -> Finding:
    """The limit does not even hold the container's init process."""
    smallest: tuple[int, int] | None = None
    for n, spec in enumerate(fields.items(pod, "spec", "containers")):
        limit = fields.quantity(spec, "resources", "limits", "memory")
        if limit is not None and (smallest is None or limit < smallest[0]):
            smallest = int(limit), n
    name = written = ""
    if smallest is not None:
        spec = fields.items(pod, "spec", "containers")[smallest[1]]
        name, written = fields.text(spec, "name"), fields.text(spec, "resources", "limits", "memory")
        evidence = [*evidence, citing.of_object(pod, f"spec.containers[{smallest[1]}].resources.limits.memory")]
    return of_workload(
        Cause.MEMORY_LIMIT_TOO_LOW,
        workload,
        [pod],
        name,
        confidence=94,
        summary=f"pod {fields.name(pod)} is killed for its memory limit before its first process starts"
        + (f" (limit {written})" if written else ""),
        evidence=evidence,
        facts={"memoryLimit": written},
    )


def _mount(case: Case, workload: Workload, pod: Object) -> Finding | None:
    if not _waiting(pod):
        return None
    events = case.events(pod, "FailedMount", "FailedAttachVolume", "FailedMapVolume", "VolumeResizeFailed")
    events = [
        e for e in events if not _CONFIG.search(said := fields.text(e, "message")) and not _TRANSIENT.search(said)
    ]
    if not events:
        return None
    message = clean_line(fields.text(events[0], "message"))
    named = _VOLUME.search(message)
    volume = (named["volume"] or named["list"] or "") if named is not None else ""
    claim = next(
        (
            fields.text(v, "persistentVolumeClaim", "claimName")
            for v in fields.items(pod, "spec", "volumes")
            if fields.text(v, "name") == volume
        ),
        "",
    )
    reason = "MultiAttach" if _MULTI.search(message) else fields.text(events[0], "reason")
    cause = Cause.VOLUME_PERMISSION_DENIED if _DENIED.search(message) else Cause.VOLUME_MOUNT_FAILED
    facts = {"volume": volume, "claim": claim, "reason": reason}
    return of_workload(
        cause,
        workload,
        [pod],
        "",
        confidence=86,
        summary=f"a volume of pod {fields.name(pod)} cannot be mounted: {message}",
        evidence=[citing.of_event(e) for e in events[:3]],
        facts={"claim": claim} if cause is Cause.VOLUME_PERMISSION_DENIED else facts,
        depends_on=[f"PersistentVolumeClaim/{fields.namespace(pod)}/{claim}"] if claim else [],
    )
