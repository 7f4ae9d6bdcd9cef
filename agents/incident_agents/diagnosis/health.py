"""Whether what was asked about is well, as far as can be seen: the other answer besides a cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.coverage import unseen_of_all, unseen_of_target
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.meta import TargetRef
from incident_commander.evidence import fields, pods
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.health import WorkloadHealth, workload_health
from incident_commander.evidence.owners import controller
from incident_commander.ports import Object

_SETTLED = timedelta(minutes=10)
"""A container that ended within this time makes its workload not healthy."""
_STARTS, _STARTS_AT_MOST = timedelta(minutes=1), timedelta(minutes=5)
"""How long a pod may take to become ready after the delay that its probes have; and with any delay."""
_OF_PODS = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"})
"""Whose health is that of their pods."""
_PARTIAL = "ReadInPart"


def health(case: Case) -> WorkloadHealth | None:
    """Of the target; without one, of everything that was asked about. None: there is nothing that could be judged."""
    target = case.evidence.target
    if target is None:
        return _of_all(case)
    if case.target is not None and (top := _replaced_by(case, case.target)) is not None:
        found = _judged(case, target_of(top), case.workload_of(top))
        return replace(
            found, message=f"it has ended, and {reference(top)} has its work done by others: {found.message}"
        )
    found = _judged(case, target, case.workload_of(case.target) if case.target is not None else None)
    if not found.healthy or target.kind not in _OF_PODS:
        return found
    missing = unseen_of_target(case)
    return replace(found, healthy=None, reason=_PARTIAL, message=missing) if missing else found


def _of_all(case: Case) -> WorkloadHealth | None:
    """Healthy when each workload is; None when nothing could be judged."""
    if not case.evidence.asked(kinds.POD):
        return None
    place = case.evidence.namespace
    asked = [w for w in case.workloads if place is None or fields.namespace(w.object) == place]
    found = [_judged(case, w.target, w) for w in asked if not _left_over(case, w.object)]
    judged = [one for one in found if one.healthy is not None]
    unsure = [one for one in found if one.reason == _STARTING and one.healthy is None]
    if not judged and not unsure:
        return None
    sick = [one for one in judged if not one.healthy]
    everything = TargetRef(api_version="v1", kind="Namespace", name="all")
    if sick:
        message = f"{len(sick)} of {len(judged)} workloads are not: {sick[0].target}: {sick[0].message}"
        return WorkloadHealth(everything, True, False, "Unhealthy", message)
    well = f"the {len(judged)} workloads that could be judged are as they should be"
    if unsure:
        return WorkloadHealth(everything, True, None, _STARTING, f"{unsure[0].target}: {unsure[0].message}; {well}")
    if missing := unseen_of_all(case, asked):
        return WorkloadHealth(everything, True, None, _PARTIAL, f"{missing}; {well}")
    return WorkloadHealth(everything, True, True, "Healthy", f"all {len(judged)} workloads are as they should be")


_STARTING = "Starting"


def _judged(case: Case, target: TargetRef, workload: Workload | None) -> WorkloadHealth:
    since = case.now - _SETTLED
    objects = workload.own if workload is not None and workload.ref == str(target) else case.evidence.objects
    found = workload_health(target, objects, since=since)
    if found.healthy is not False or found.failed or workload is None or target.kind not in _OF_PODS:
        return found
    late = [p for p in workload.living if not pods.ready(p)]
    complete = len(workload.living) >= (found.desired or 0)
    if not late or not complete or not all(_starts(case, p) for p in late):
        return found
    if any(pods.restarted_since(p, since) for p in workload.living):
        return found
    # More of what works already is no news; of what nobody has seen work it is too early to tell.
    proven = {_made_by(p) for p in workload.ready}
    healthy = True if all(_made_by(p) in proven for p in late) else None
    message = f"{len(workload.ready)} pods are ready, {len(late)} have just been started"
    return replace(found, healthy=healthy, reason=_STARTING, message=message)


def _starts(case: Case, pod: Object) -> bool:
    """Whether it is so young that it need not be ready yet, and nothing has failed in it."""
    if any(trouble.reason != "NotReady" or trouble.restarts for trouble in pods.troubles(pod)):
        return False
    if pods.finished(pod) or fields.condition(pod, "PodScheduled").get("status") == "False":
        return False
    made = fields.created(pod)
    return made is not None and case.now - made <= min(
        _STARTS_AT_MOST, _STARTS + max(_delays(pod), default=timedelta())
    )


def _delays(pod: Object) -> Iterator[timedelta]:
    for container in pods.containers(pod):
        for probe in ("startupProbe", "readinessProbe"):
            yield timedelta(seconds=fields.integer(container.spec, probe, "initialDelaySeconds") or 0)


def _made_by(pod: Object) -> str:
    above = controller(pod)
    return above.name if above is not None else ""


def _replaced_by(case: Case, pod: Object) -> Object | None:
    """Who has made another pod in the place of one that has failed; None of one that still counts."""
    top = case.topology.top(pod)
    failed = fields.text(pod, "kind") == "Pod" and pods.phase(pod) == "Failed"
    return top if failed and fields.text(top, "kind") in _OF_PODS else None


def _left_over(case: Case, obj: Object) -> bool:
    """Whether it is a failed pod whose controller was not read, but has another pod that is ready."""
    if fields.text(obj, "kind") != "Pod" or pods.phase(obj) != "Failed" or not (by := _made_by(obj)):
        return False
    place = fields.namespace(obj)
    return any(
        _made_by(p) == by and fields.namespace(p) == place and pods.ready(p) for p in case.evidence.of(kinds.POD)
    )
