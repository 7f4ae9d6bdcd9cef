"""A rollout cannot go on by itself: a StatefulSet waits for a pod of an older revision; a Deployment is paused or late.

The usual reason why a Deployment is late, pods that do not get ready, has analysers of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields, pods
from incident_commander.ports import Object

_PATIENCE = timedelta(minutes=2)
"""The controller replaces a pod of an older revision within seconds, if it does at all."""
_HASH = "controller-revision-hash"


def analyse(case: Case) -> Iterator[Finding]:
    """At most one finding for each workload."""
    for workload in case.workloads:
        if workload.kind == "StatefulSet" and (found := _waits_for_old(case, workload)) is not None:
            yield found
        elif workload.kind == "Deployment":
            yield from _paused(workload)
            yield from _late(case, workload)


def _waits_for_old(case: Case, workload: Workload) -> Finding | None:
    """With ordered management, a pod that never gets ready is not replaced, though its revision was taken back."""
    spec = workload.object
    ordered = fields.text(spec, "spec", "podManagementPolicy") in ("", "OrderedReady")
    strategy = fields.text(spec, "spec", "updateStrategy", "type") or "RollingUpdate"
    wanted = fields.text(spec, "status", "updateRevision")
    if not ordered or strategy != "RollingUpdate" or not wanted or not _observed(spec):
        return None
    for pod in workload.pods:
        labels = fields.strings(pod, "metadata", "labels")
        made = fields.created(pod)
        if pods.ready(pod) or pods.terminating(pod) or labels.get(_HASH, wanted) == wanted or _kept(spec, pod):
            continue
        if pods.troubles(pod) and made is not None and case.now - made >= _PATIENCE:
            return _old(workload, pod, labels[_HASH], wanted)
    return None


def _observed(spec: Object) -> bool:
    return fields.integer(spec, "status", "observedGeneration") == fields.integer(spec, "metadata", "generation")


def _kept(spec: Object, pod: Object) -> bool:
    """Whether a partition keeps the pod at its revision on purpose."""
    partition = fields.integer(spec, "spec", "updateStrategy", "rollingUpdate", "partition") or 0
    ordinal = fields.name(pod).rpartition("-")[2]
    return ordinal.isdigit() and int(ordinal) < partition


def _old(workload: Workload, pod: Object, revision: str, wanted: str) -> Finding:
    name = fields.name(pod)
    return of_workload(
        Cause.ROLLOUT_STUCK,
        workload,
        [pod],
        "",
        confidence=90,
        summary=f"pod {name} is still of revision {revision} and does not get ready; {wanted} is wanted, but ordered "
        f"management waits for {name}: it goes on when that pod is deleted",
        evidence=[
            citing.of_object(workload.object, "status.updateRevision"),
            citing.of_object(pod, f"metadata.labels.{_HASH}"),
            citing.of_object(pod, "status.phase"),
        ],
        facts={"reason": "PodOfOldRevision"},
    )


def _paused(workload: Workload) -> Iterator[Finding]:
    """A template that waits behind a pause: on purpose, as a rule."""
    obj = workload.object
    wanted = fields.integer(obj, "spec", "replicas")
    updated = fields.integer(obj, "status", "updatedReplicas") or 0
    if fields.flag(obj, "spec", "paused") and wanted is not None and updated < wanted:
        yield of_workload(
            Cause.ROLLOUT_STUCK,
            workload,
            [],
            "",
            confidence=44,
            summary=f"{workload.ref} is paused: {updated} of {wanted} pods are of its newest template",
            evidence=[citing.of_object(obj, "spec.paused"), citing.of_object(obj, "status.updatedReplicas")],
            facts={"reason": "Paused"},
        )


def _late(case: Case, workload: Workload) -> Iterator[Finding]:
    conditions = fields.items(workload.object, "status", "conditions")
    for n, condition in enumerate(conditions):
        if condition.get("type") != "Progressing" or condition.get("reason") != "ProgressDeadlineExceeded":
            continue
        sick = [p for p in workload.living if case.unwell(p)]
        failure = next((m for m, c in enumerate(conditions) if c.get("type") == "ReplicaFailure"), None)
        evidence = [citing.of_object(workload.object, f"status.conditions[{n}].message")]
        evidence += (
            [citing.of_object(workload.object, f"status.conditions[{failure}].message")] if failure is not None else []
        )
        why = fields.text(conditions[failure], "message") if failure is not None else fields.text(condition, "message")
        yield of_workload(
            Cause.ROLLOUT_STUCK,
            workload,
            sick,
            "",
            # Pods that are ill say themselves why it is late.
            confidence=46 if sick else 58,
            summary=f"the rollout of {workload.ref} was given up: {why}",
            evidence=evidence,
            facts={"reason": "ProgressDeadlineExceeded"},
        )
