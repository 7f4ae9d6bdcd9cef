"""A limit other than those of CPU and memory is reached: open files, watches of files, threads and processes."""

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


def _words(pattern: str, *pieces: str) -> Words:
    return Words(re.compile(pattern, re.IGNORECASE), pieces)


WATCHES = _words(
    r"(?:system|user) limit (?:for number of file watchers|of inotify)|inotify_(?:add_watch|init1?)\b.{0,80}"
    r"(?:no space left|too many open)|fsnotify.{0,40}too many open files|inotify watch limit|fs\.inotify\.max_user",
    "watcher",
    "inotify",
    "fsnotify",
)
"""Also "no space left on device", where no volume is full."""
_LIMITS = (
    ("fileWatches", "its node allows no more watches of files", WATCHES),
    (
        "openFiles",
        "it may open no more files or sockets",
        _words(
            r"too many open files|\bEMFILE\b|\bENFILE\b|file table overflow|\[Errno 2[34]\]|os error 24\b",
            "too many open files",
            "emfile",
            "enfile",
            "file table overflow",
            "errno 2",
            "os error 24",
        ),
    ),
    (
        "threads",
        "it may start no more threads or processes",
        _words(
            r"unable to create (?:new )?native thread|pthread_create failed|failed to create new OS thread"
            r"|can'?t start new thread|can'?t create thread: resource temporarily|failed to spawn thread"
            r"|fork: (?:retry: )?resource temporarily unavailable|cannot fork|fork rejected by pids controller"
            r"|spawn \S{1,80} EAGAIN|thread constructor failed: resource temporarily unavailable",
            "thread",
            "fork",
            "eagain",
        ),
    ),
)
_OFTEN = 3


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload: the first limit of which it speaks until now."""
    for workload in case.workloads:
        sick = any(case.unwell(p) for p in workload.living)
        for resource, words, pattern in _LIMITS:
            if heard := said(case, workload, pattern, often=1 if sick else _OFTEN):
                yield _finding(case, workload, heard, resource, words)
                break


def _finding(case: Case, workload: Workload, heard: list[tuple[Log, str]], resource: str, words: str) -> Finding:
    log, line = heard[-1]
    pod = next(p for p in workload.living if fields.name(p) == log.pod)
    container = pods.container(pod, log.container)
    evidence = [citing.of_log(log_, text) for log_, text in heard[:3]]
    if container is not None and container.restarts:
        evidence.append(citing.of_object(pod, f"{container.path}.restartCount"))
    return of_workload(
        Cause.RESOURCE_LIMIT_REACHED,
        workload,
        [pod],
        log.container,
        confidence=76 if case.unwell(pod) else 62,
        summary=f"container {log.container} has reached a limit: {words}: {message_of(line, 300)}",
        evidence=evidence,
        facts={"resource": resource},
    )
