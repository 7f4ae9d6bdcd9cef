"""Memory: is the limit too low for what the container needs, or does the container never give back?

Told apart by the working set before each kill: a container that needs more than it may have runs into its
limit at once and stays flat; one that leaks grows steadily for as long as it lives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from functools import partial

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.recordings import metric_of, plausible
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.api.quantity import format_memory
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.series import Growth, Points, growths, inline, joined, latest, samples
from incident_commander.ports import Object, Series

_MIB = 1024 * 1024
_QUICK = timedelta(seconds=120)
"""Killed within this time after its start: the limit does not even hold what starting takes."""

_LONG, _AGAIN = timedelta(hours=1), 5
"""Killed again and again, each time after so long: what starting and working take was there all the while."""


@dataclass(frozen=True, slots=True)
class _Use:
    """One container and what is known of its memory."""

    workload: Workload
    pod: Object
    container: pods.Container
    limit: int | None
    limit_path: str
    killed: str
    """Path of the termination by the OOM killer, or empty."""
    lived: timedelta | None
    """How long the container lived before that."""
    shapes: tuple[Growth, ...]
    peak: int | None
    points: Points
    cite: Callable[[str], Citation] | None
    """Of the series that the points are of; None when there is none."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    cause: Cause
    confidence: int
    words: str
    shape: Growth | None = None


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and container that was killed for its memory or is about to be."""
    worst: dict[tuple[str, str], _Use] = {}
    for use in _uses(case):
        key = (use.workload.ref, use.container.name)
        if key not in worst or _order(use) > _order(worst[key]):
            worst[key] = use
    for use in worst.values():
        for verdict in _verdicts(use):
            finding = _finding(use, verdict)
            if use.killed and verdict.shape is None and case.recovered(use.container) and use.container.restarts < 3:
                finding = replace(finding, confidence=min(finding.confidence, 44))
            yield finding


def _order(use: _Use) -> tuple[bool, int, int]:
    return bool(use.killed), len(use.shapes), use.container.restarts


def _uses(case: Case) -> Iterator[_Use]:
    for workload in case.workloads:
        for pod in workload.living:
            for container in pods.containers(pod):
                killed, lived = _oom(case, container)
                points, cite = _series(case, pod, container.name)
                if killed or len(points):
                    yield _use(workload, pod, container, killed, lived, points, cite)


def _use(
    workload: Workload,
    pod: Object,
    container: pods.Container,
    killed: str,
    lived: timedelta | None,
    points: Points,
    cite: Callable[[str], Citation] | None,
) -> _Use:
    key = "initContainers" if container.init else "containers"
    at = next((n for n, c in enumerate(fields.items(pod, "spec", key)) if c.get("name") == container.name), 0)
    limit = fields.quantity(container.spec, "resources", "limits", "memory")
    shapes = growths(points)
    peak = int(max(samples(points)[1].tolist(), default=0)) or None
    path = f"spec.{key}[{at}].resources.limits.memory"
    limited = int(limit) if limit else None
    return _Use(workload, pod, container, limited, path, killed, lived, shapes, peak, points, cite)


def _oom(case: Case, container: pods.Container) -> tuple[str, timedelta | None]:
    for state in ("state", "lastState"):
        ended = fields.mapping(container.status, state, "terminated")
        if fields.text(ended, "reason") != "OOMKilled":
            continue
        started, finished = fields.moment(ended, "startedAt"), fields.moment(ended, "finishedAt")
        if container.waiting == "CrashLoopBackOff" or case.fresh(finished):
            lived = finished - started if started is not None and finished is not None else None
            return f"{container.path}.{state}.terminated", lived
    return "", None


def _series(case: Case, pod: Object, container: str) -> tuple[Points, Callable[[str], Citation] | None]:
    """The container's memory while it was measured until now: as it was asked for, else as somebody recorded it."""
    measured = case.evidence.metrics.get("container_memory_working_set")
    if measured is not None:
        points = joined(
            series.points
            for series in measured.series
            if series.labels.get("pod") == fields.name(pod) and series.labels.get("container") == container
        )
        if latest(points, case.now.timestamp(), 1) is not None:
            return points, partial(citing.of_metric, measured.query)
    for name, series in case.once("recorded memory", lambda: list(_recorded(case))):
        labels = series.labels
        alone = len(fields.items(pod, "spec", "containers")) == 1
        own = labels.get("container") or labels.get("k8s_container_name") or (container if alone else "")
        here = next((labels[key] for key in _PODS if labels.get(key)), "")
        if (here, own) == (fields.name(pod), container) and latest(series.points, case.now.timestamp(), 1) is not None:
            return list(series.points), partial(citing.of_series, name, series)
    return (), None


_RECORDED = (
    "container_memory_working_set_bytes",
    "k8s_pod_memory_working_set_bytes",
    "container_memory_usage_bytes",
    "process_resident_memory_bytes",
)
"""cAdvisor's, OpenTelemetry's, cAdvisor's with the page cache, and what client libraries say of their own process."""
_PODS = ("pod", "k8s_pod_name", "pod_name", "kubernetes_pod_name", "exported_pod")


def _recorded(case: Case) -> Iterator[tuple[str, Series]]:
    """Series of memory in a recording, those that the kernel's count is nearest to first."""
    all_ = [(name, plausible(s)) for name, group in case.evidence.series.items() for s in group]
    for wanted in _RECORDED:
        yield from ((name, s) for name, s in all_ if metric_of(name, s).replace(".", "_") == wanted)


def _leaks(found: Growth, limit: int | None) -> bool:
    """Steady growth that matters: a tenth of the limit (or of what is used) from early to late."""
    return found.steadiness >= 0.85 and found.growth >= 0.1 * (limit or found.peak)


def _flat(found: Growth, limit: int) -> bool:
    return abs(found.growth) <= 0.06 * limit and found.last >= 0.8 * limit


def _verdicts(use: _Use) -> list[_Verdict]:
    if use.killed:
        return _after_kill(use)
    return _before_kill(use)


def _after_kill(use: _Use) -> list[_Verdict]:
    leaking = next((s for s in reversed(use.shapes) if _leaks(s, use.limit)), None)
    if leaking is not None:
        sure = 82 + (6 if sum(_leaks(s, use.limit) for s in use.shapes) > 1 else 0)
        return [
            _Verdict(Cause.MEMORY_LEAK, sure, "grew steadily until it was killed for it", leaking),
            _Verdict(Cause.MEMORY_LIMIT_TOO_LOW, 40, "was killed at its memory limit", leaking),
        ]
    if use.limit is not None and any(_flat(s, use.limit) for s in use.shapes):
        return [_Verdict(Cause.MEMORY_LIMIT_TOO_LOW, 86, "works flat at its memory limit and was killed there")]
    if use.lived is not None and use.lived <= _QUICK:
        again = 6 if use.container.restarts >= 2 else 0
        words = f"was killed at its memory limit {use.lived.total_seconds():.0f} s after its start"
        return [_Verdict(Cause.MEMORY_LIMIT_TOO_LOW, 80 + again, words)]
    if use.lived is not None and use.lived >= _LONG and use.container.restarts >= _AGAIN:
        words = f"was killed at its memory limit {use.container.restarts} times, the last time after {use.lived}"
        return [_Verdict(Cause.MEMORY_LEAK, 62, words), _Verdict(Cause.MEMORY_LIMIT_TOO_LOW, 46, words)]
    few = "was killed at its memory limit; there are too few points to see whether it grows"
    return [_Verdict(Cause.MEMORY_LIMIT_TOO_LOW, 58, few), _Verdict(Cause.MEMORY_LEAK, 46, few)]


def _before_kill(use: _Use) -> list[_Verdict]:
    """Not killed yet: only what is close to its limit is worth a word."""
    if use.limit is None or not use.shapes:
        return []
    now = use.shapes[-1]
    if _leaks(now, use.limit) and now.last >= 0.7 * use.limit:
        sure = 62 + (10 if now.last >= 0.85 * use.limit else 0)
        return [_Verdict(Cause.MEMORY_LEAK, sure, "grows steadily toward its memory limit", now)]
    if now.last >= 0.95 * use.limit and abs(now.growth) <= 0.06 * use.limit:
        return [_Verdict(Cause.MEMORY_LIMIT_TOO_LOW, 56, "works within a twentieth of its memory limit")]
    return []


def _finding(use: _Use, verdict: _Verdict) -> Finding:
    name = use.container.name
    changed = "resources" in use.workload.changed(name) and use.workload.recent_rollout
    evidence: list[Citation] = []
    if use.killed:
        evidence.append(citing.of_object(use.pod, f"{use.killed}.reason"))
        evidence.append(citing.of_object(use.pod, f"{use.killed}.finishedAt"))
    if use.limit is not None:
        evidence.append(citing.of_object(use.pod, use.limit_path))
    evidence.append(citing.of_object(use.pod, f"{use.container.path}.restartCount"))
    if use.cite is not None and use.peak is not None:
        grown = f", {_size(verdict.shape.per_hour)}/h" if verdict.shape is not None else ""
        shown = f"peak {_size(use.peak)}{grown} ({name}) {inline(use.points)}"
        evidence.append(use.cite(shown))
    facts = {
        "memoryLimit": format_memory(use.limit) if use.limit is not None else "",
        "suggestedMemoryLimit": suggested_limit(use.limit, use.peak),
        "peakMemory": format_memory(use.peak) if use.peak is not None else "",
    }
    if verdict.cause is Cause.MEMORY_LEAK and verdict.shape is not None:
        facts["growthPerHour"] = format_memory(_whole_mib(Decimal(verdict.shape.per_hour)))
    limit = f" of {format_memory(use.limit)}" if use.limit is not None else ""
    tail = "; the newest revision changed its resources" if changed else ""
    return of_workload(
        verdict.cause,
        use.workload,
        [use.pod],
        name,
        confidence=verdict.confidence + (6 if changed and verdict.cause is Cause.MEMORY_LIMIT_TOO_LOW else 0),
        summary=f"container {name} {verdict.words} (limit{limit or ' not known'}){tail}",
        evidence=evidence,
        facts=facts,
    )


def suggested_limit(limit: int | None, peak: int | None) -> str:
    """Twice the limit, and at least 1.5 times the observed peak.

    A container that was killed at its limit never showed how much it needs: the peak is cut off there.
    """
    wanted = max(Decimal(limit or 0) * 2, Decimal(peak or 0) * 3 / 2)
    return format_memory(_whole_mib(wanted)) if wanted else ""


def _whole_mib(size: Decimal) -> int:
    return int((size / _MIB).to_integral_value(ROUND_CEILING)) * _MIB


def _size(value: float) -> str:
    return f"{math.ceil(value / _MIB)}Mi"
