"""A program, or the kernel in its place, says that memory ran out, though no container was killed for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.said import said
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import Log
from incident_commander.evidence.structured import message_of

_HEAP = Words(
    re.compile(
        r"OutOfMemoryError: (?:Java heap|GC overhead|Metaspace|Direct buffer)|JavaScript heap out of memory"
        r"|System\.OutOfMemoryException|Allowed memory size of \d+ bytes exhausted",
    ),
    ("outofmemory", "out of memory", "memory size of"),
)
"""A bound of the program's own: a higher limit of the container does not move it."""
_KILLED = Words(
    re.compile(
        r"Out of memory: Killed process|Memory cgroup out of memory|was sent SIGKILL! Perhaps out of memory"
        r"|terminated by signal 9: Killed|runtime: out of memory|std::bad_alloc|\bMemoryError\b|Cannot allocate memory",
    ),
    ("memory", "sigkill", "signal 9", "bad_alloc"),
)


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload that says so, unless its container was killed for it: that is told elsewhere."""
    for workload in case.workloads:
        heap, killed = (said(case, workload, words, often=1) for words in (_HEAP, _KILLED))
        if (heap or killed) and not _by_the_kubelet(workload):
            yield _finding(case, workload, heap or killed, own=bool(heap))


def _by_the_kubelet(workload: Workload) -> bool:
    return any(
        fields.text(c.status, state, "terminated", "reason") == "OOMKilled"
        for p in workload.living
        for c in pods.containers(p)
        for state in ("state", "lastState")
    )


def _finding(case: Case, workload: Workload, heard: list[tuple[Log, str]], *, own: bool) -> Finding:
    log, line = heard[-1]
    pod = next(p for p in workload.living if fields.name(p) == log.pod)
    container = pods.container(pod, log.container)
    sick = case.unwell(pod)
    evidence = [citing.of_log(log_, text) for log_, text in heard[:3]]
    if container is not None and container.restarts:
        evidence.append(citing.of_object(pod, f"{container.path}.restartCount"))
    limit = fields.text(container.spec, "resources", "limits", "memory") if container is not None else ""
    what = (
        "its own bound of memory, not that of the container, is reached"
        if own
        else "a process of it was killed for memory"
    )
    return of_workload(
        Cause.MEMORY_LIMIT_TOO_LOW,
        workload,
        [pod],
        log.container,
        confidence=78 if sick else 54,
        summary=f"container {log.container} runs out of memory: {what}: {message_of(line, 300)}",
        evidence=evidence,
        facts={"memoryLimit": limit},
    )
