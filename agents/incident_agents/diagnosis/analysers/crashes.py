"""Containers that exit: because they cannot be started, since the last rollout, or for a reason of their own.

Out-of-memory kills and kills by a failing liveness probe have analysers of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from incident_agents.diagnosis.case import Case, probe_kills
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.telling import quote
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.ports import Object

_CANNOT_START = re.compile(
    r"executable file not found|exec format error|exec: .*(no such file or directory|permission denied|is a directory)"
    r"|unable to start container process|OCI runtime create failed|no command specified",
    re.IGNORECASE | re.DOTALL,
)
_START_REASONS = frozenset({"StartError", "ContainerCannotRun", "RunContainerError", "CreateContainerError"})
_AFTER_SIGTERM = (0, 1, 2, 137, 143)
"""How programs end when they are asked, or forced, to."""
_MANY = 5
"""So many restarts are a symptom even when the container is ready in between."""


@dataclass(frozen=True, slots=True)
class _Crash:
    pod: Object
    container: pods.Container
    path: str
    reason: str
    message: str
    code: int | None


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and container that exits."""
    found: dict[tuple[str, str], tuple[Workload, list[_Crash]]] = {}
    for workload, pod in case.sick:
        for container in pods.containers(pod):
            if (crash := _crash(case, workload, pod, container)) is not None:
                found.setdefault((workload.ref, container.name), (workload, []))[1].append(crash)
    for workload, crashes in found.values():
        finding = _finding(case, workload, crashes)
        if all(case.recovered(c.container) and c.container.restarts < _MANY for c in crashes):
            finding = replace(finding, confidence=min(finding.confidence, 40))
        yield finding


def _crash(case: Case, workload: Workload, pod: Object, container: pods.Container) -> _Crash | None:
    """How the container ended, when it did so on its own account."""
    if container.waiting in ("RunContainerError", "CreateContainerError"):
        path = f"{container.path}.state.waiting"
        return _Crash(pod, container, path, container.waiting, container.waiting_message, None)
    ended = container.termination()
    if ended is None:
        return None
    path, state = ended
    code, reason = fields.integer(state, "exitCode"), fields.text(state, "reason")
    if reason == "OOMKilled" or code is None:
        return None
    looping = container.waiting == "CrashLoopBackOff"
    if code == 0 and not looping:
        return None
    if not looping and not case.fresh(fields.moment(state, "finishedAt")):
        return None
    if code in _AFTER_SIGTERM and probe_kills(case, pod, container.name):
        return None
    message = fields.text(state, "message")
    if workload.kind in ("Job", "CronJob") and not _cannot_start(code, reason, message):
        return None
    return _Crash(pod, container, path, reason, message, code)


def _cannot_start(code: int | None, reason: str, message: str) -> bool:
    return code in (126, 127) or reason in _START_REASONS or bool(_CANNOT_START.search(message))


def _finding(case: Case, workload: Workload, crashes: list[_Crash]) -> Finding:
    crashes.sort(key=lambda c: (-c.container.restarts, fields.name(c.pod)))
    worst = crashes[0]
    sick = [c.pod for c in crashes]
    name = worst.container.name
    changed = workload.changed(name)
    evidence = _evidence(case, worst)
    facts = {"exitCode": str(worst.code) if worst.code is not None else "", "changed": ",".join(changed)}
    how = f"exit code {worst.code}" if worst.code is not None else worst.reason
    since_rollout = workload.recent_rollout and workload.only_newest(sick)
    rolled = f"; the newest revision changed {', '.join(changed)}" if changed and since_rollout else ""

    if _cannot_start(worst.code, worst.reason, worst.message):
        evident = worst.reason in _START_REASONS or bool(_CANNOT_START.search(worst.message))
        confidence = (85 if evident else 72) + (
            7 if since_rollout and {"command", "args", "image"} & set(changed) else 0
        )
        return of_workload(
            Cause.BAD_COMMAND,
            workload,
            sick,
            name,
            confidence=confidence,
            summary=f"the command of container {name} cannot be run ({how}){rolled}",
            evidence=evidence,
            facts=facts,
        )
    if since_rollout:
        before = {"true": 12, "unknown": -4, "false": -20}[workload.previous_healthy]
        confidence = 72 + before + (4 if changed else -12)
        evidence = [*evidence[:3], *_rollout_evidence(workload, name), *evidence[3:]]
        return of_workload(
            Cause.CRASH_AFTER_ROLLOUT,
            workload,
            sick,
            name,
            confidence=confidence,
            summary=f"container {name} of the newest revision exits ({how}){rolled}; "
            f"the previous revision was healthy: {workload.previous_healthy}",
            evidence=evidence,
            facts=facts,
        )
    looping = worst.container.waiting == "CrashLoopBackOff" or worst.container.restarts >= 3
    facts.pop("changed")
    return of_workload(
        Cause.CRASH_LOOP,
        workload,
        sick,
        name,
        confidence=66 if looping else 46,
        summary=f"container {name} keeps exiting ({how}, {worst.container.restarts} restarts); no rollout explains it",
        evidence=evidence,
        facts=facts,
    )


def _evidence(case: Case, crash: _Crash) -> list[Citation]:
    found = [citing.of_object(crash.pod, f"{crash.path}.reason")] if crash.reason else []
    if crash.code is not None:
        found.append(citing.of_object(crash.pod, f"{crash.path}.exitCode"))
    if crash.message:
        found.append(citing.of_object(crash.pod, f"{crash.path}.message"))
    found.append(citing.of_object(crash.pod, f"{crash.container.path}.restartCount"))
    return found + quote(case, crash.pod, crash.container.name, most=3)


def _rollout_evidence(workload: Workload, container: str) -> list[Citation]:
    """What changed, when, and that the revision before ran."""
    found = [citing.of_object(source, path) for source, path in workload.differences(container)[:4]]
    found += [citing.of_object(workload.revisions[0].source, "metadata.creationTimestamp")]
    if fields.integer(workload.revisions[1].source, "status", "readyReplicas") is not None:
        found.append(citing.of_object(workload.revisions[1].source, "status.readyReplicas"))
    return found
