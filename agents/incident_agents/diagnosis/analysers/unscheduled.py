"""Pods that no scheduler looks at: no node, and not a word about why.

A working scheduler answers for each pod within seconds, with a binding or with a condition and an event. Silence
means that it does not run, or that the pod asks for a scheduler that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from incident_agents.diagnosis import placement
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.ports import Object

_SILENCE = timedelta(seconds=30)
_DEFAULT = "default-scheduler"


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each scheduler that is silent about pods."""
    waiting: dict[str, list[tuple[Workload, Object]]] = {}
    for workload, pod in case.sick:
        if _ignored(case, pod):
            waiting.setdefault(fields.text(pod, "spec", "schedulerName") or _DEFAULT, []).append((workload, pod))
    for scheduler, ignored in waiting.items():
        yield _finding(case, scheduler, ignored)


def _ignored(case: Case, pod: Object) -> bool:
    if pods.phase(pod) != "Pending" or fields.text(pod, "spec", "nodeName") or pods.terminating(pod):
        return False
    if fields.condition(pod, "PodScheduled") or fields.items(pod, "spec", "schedulingGates"):
        return False
    created = fields.created(pod)
    return created is not None and case.now - created >= _SILENCE and not case.events(pod, "FailedScheduling")


def _finding(case: Case, scheduler: str, ignored: list[tuple[Workload, Object]]) -> Finding:
    found = [pod for _, pod in ignored]
    since = min(at for p in found if (at := fields.created(p)) is not None)
    busy = _bound_after(case, since) if scheduler == _DEFAULT else None
    object_, facts = _object(case, scheduler)
    names = ", ".join(fields.name(p) for p in found[:3])
    evidence: list[Citation] = [citing.of_object(p, "status.phase") for p in found[:3]]
    evidence += [citing.of_object(p, "metadata.creationTimestamp") for p in found[:2]]
    lease = case.find(kinds.LEASE, "kube-system", "kube-scheduler")
    if lease is not None and scheduler == _DEFAULT:
        evidence.append(citing.of_object(lease, "spec.renewTime"))
    waited = int((case.now - since).total_seconds())
    said = f"{scheduler} says nothing about {names}: no node, no reason, for {waited} s"
    if busy is not None:
        said += "; but it has bound other pods since"
        evidence.append(citing.of_event(busy))
    return Finding(
        cause=Cause.SCHEDULER_DOWN,
        object=object_,
        confidence=(86 if scheduler == _DEFAULT else 80) - (40 if busy is not None else 0),
        summary=said[:1000],
        evidence=tuple(evidence),
        facts=facts | {"reason": f"no word about pod {fields.name(found[0])}"[:256]},
        about=frozenset({*(reference(p) for p in found), *(w.ref for w, _ in ignored)}),
    )


def _bound_after(case: Case, since: datetime) -> Object | None:
    """A pod that was bound clearly later: then the scheduler works."""
    for event in case.evidence.of(kinds.EVENT):
        at = fields.moment(event, "lastTimestamp") or fields.moment(event, "eventTime")
        if fields.text(event, "reason") == "Scheduled" and at is not None and at > since + timedelta(seconds=15):
            return event
    return None


def _object(case: Case, scheduler: str) -> tuple[TargetRef | None, dict[str, str]]:
    """The node on which the scheduler runs: as its lease or its pod says, else the only control-plane node."""
    if scheduler != _DEFAULT:
        return None, {}
    lease = case.find(kinds.LEASE, "kube-system", "kube-scheduler")
    holder = fields.text(lease, "spec", "holderIdentity").rpartition("_")[0] if lease is not None else ""
    running = {
        fields.text(p, "spec", "nodeName")
        for p in case.evidence.of(kinds.POD)
        if fields.text(p, "metadata", "labels", "component") == "kube-scheduler"
        or fields.name(p).startswith("kube-scheduler-")
    }
    nodes = case.evidence.of(kinds.NODE)
    for candidates in (
        [n for n in nodes if fields.name(n) == holder],
        [n for n in nodes if fields.name(n) in running],
        [n for n in nodes if placement.is_control_plane(n)],
    ):
        if candidates:
            return target_of(candidates[0]), {"node": fields.name(candidates[0])}
    return None, {}
