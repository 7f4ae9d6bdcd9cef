"""The kernel throttles a container at its CPU limit."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from math import ceil

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.quantity import format_cpu
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.series import Points, changes, inline, latest
from incident_commander.ports import Object

_RECENT_POINTS = 8
_NOTABLE = 0.25
"""As the CPUThrottlingHigh alert of the Kubernetes mixin."""


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for the container of the target that is throttled most."""
    measured = case.evidence.metrics.get("container_cpu_throttled_ratio")
    if measured is None:
        return
    worst: tuple[float, Object, str, Points] | None = None
    for series in measured.series:
        pod = next((p for p in case.target_pods if fields.name(p) == series.labels.get("pod")), None)
        ratio = latest(series.points, case.now.timestamp(), _RECENT_POINTS)
        if pod is None or ratio is None or len(series.points) < 3:
            continue
        if ratio >= _NOTABLE and (worst is None or ratio > worst[0]):
            worst = ratio, pod, series.labels.get("container", ""), series.points
    if worst is None:
        return
    ratio, pod, name, points = worst
    workload, container = case.workload_of(pod), pods.container(pod, name)
    limit = fields.quantity(container.spec, "resources", "limits", "cpu") if container is not None else None
    if workload is None or container is None or not limit:
        return
    usage = _usage(case, fields.name(pod), name)
    near = usage is not None and usage >= 0.7 * float(limit)
    hinted = any(word in a.name.lower() for a in case.alerts for word in ("throttl", "cpu", "latency"))
    confidence = (62 if ratio >= 0.5 else 42) + (12 if near else 0) + (8 if hinted else 0) + (5 if ratio >= 0.75 else 0)
    change = changes(points)
    since = f", {change.words()}" if change is not None and change.up else ""
    drawn = inline(points, at=change.at if change is not None else None)
    evidence = [citing.of_metric(measured.query, f"{ratio:.2f} of periods throttled ({name}){since} {drawn}")]
    used = case.evidence.metrics.get("container_cpu_usage")
    if used is not None and usage is not None:
        evidence.append(citing.of_metric(used.query, f"{usage:.3f} cores ({name})"))
    at = next(n for n, c in enumerate(fields.items(pod, "spec", "containers")) if c.get("name") == name)
    evidence.append(citing.of_object(pod, f"spec.containers[{at}].resources.limits.cpu"))
    yield of_workload(
        Cause.CPU_THROTTLED,
        workload,
        [pod],
        name,
        confidence=confidence,
        summary=f"container {name} is throttled in {ratio:.0%} of its periods at its CPU limit of {format_cpu(limit)}",
        evidence=evidence,
        facts={
            "cpuLimit": format_cpu(limit),
            "suggestedCPULimit": format_cpu(limit * _factor(ratio)),
            "throttledRatio": f"{ratio:.2f}",
            **_more_replicas(case, workload, name, _factor(ratio)),
        },
    )


def _more_replicas(case: Case, workload: Workload, container: str, factor: Decimal) -> dict[str, str]:
    """How many would share the load as a higher limit would carry it.

    Only of a Deployment that nothing else scales, all of whose replicas are ready and throttled: where one is not, load
    is not shared, and another replica would not take any.
    """
    measured = case.evidence.metrics.get("container_cpu_throttled_ratio")
    desired = fields.integer(workload.object, "spec", "replicas")
    if measured is None or workload.kind != "Deployment" or not desired or len(workload.pods) != desired:
        return {}
    if not case.evidence.asked(kinds.HORIZONTAL_POD_AUTOSCALER) or _scaled(case, workload):
        return {}
    ratios = {
        series.labels.get("pod"): latest(series.points, case.now.timestamp(), _RECENT_POINTS)
        for series in measured.series
        if series.labels.get("container") == container
    }
    if any(not pods.ready(pod) or (ratios.get(fields.name(pod)) or 0) < _NOTABLE for pod in workload.pods):
        return {}
    return {"replicas": str(desired), "suggestedReplicas": str(ceil(desired * factor))}


def _scaled(case: Case, workload: Workload) -> bool:
    """Whether an autoscaler controls it."""
    scaled = (case.topology.scale_target(hpa) for hpa in case.evidence.of(kinds.HORIZONTAL_POD_AUTOSCALER))
    return any(found is not None and reference(found) == workload.ref for found in scaled)


def _factor(ratio: float) -> Decimal:
    """How much more to allow. The more periods are cut short, the less the use tells of what is wanted."""
    if ratio > 0.8:
        return Decimal(3)
    return Decimal(2) if ratio > 0.5 else Decimal("1.5")


def _usage(case: Case, pod: str, container: str) -> float | None:
    measured = case.evidence.metrics.get("container_cpu_usage")
    for series in measured.series if measured is not None else ():
        if series.labels.get("pod") == pod and series.labels.get("container") == container:
            return latest(series.points, case.now.timestamp(), _RECENT_POINTS)
    return None
