"""Whether what was read is enough to call something healthy: what is not seen may be ill."""

from __future__ import annotations

from collections.abc import Sequence

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.evidence import fields, pods

_WORKLOADS = (
    kinds.POD,
    kinds.REPLICA_SET,
    kinds.DEPLOYMENT,
    kinds.STATEFUL_SET,
    kinds.DAEMON_SET,
    kinds.JOB,
    kinds.CRON_JOB,
)
_REPLICAS = {
    "Deployment": "replicas",
    "ReplicaSet": "replicas",
    "StatefulSet": "replicas",
    "DaemonSet": "currentNumberScheduled",
}
"""By kind, the field of the status that tells how many pods there are."""


def unseen_of_all(case: Case, workloads: list[Workload]) -> str:
    """What is known to exist of a namespace and was not read, in words; empty when nothing is known to be missing."""
    return _unseen(case, workloads, _WORKLOADS)


def unseen_of_target(case: Case) -> str:
    """The same of the target and its pods."""
    own = [w for w in case.workloads if w.ref in case.target_refs]
    return _unseen(case, own, (kinds.POD, kinds.REPLICA_SET))


def _unseen(case: Case, workloads: list[Workload], needed: Sequence[Kind]) -> str:
    broken = [kind.resource for kind in needed if kind.resource in case.evidence.partial]
    if broken:
        return f"{', '.join(broken)} could not all be read"
    if not case.evidence.asked(kinds.POD):
        return ""
    fewer = [(w, len(w.pods), has) for w in workloads if len(w.pods) < (has := _pods_of(w))]
    if not fewer:
        return ""
    workload, read, has = fewer[0]
    more = f", and of {len(fewer) - 1} more workloads too few" if len(fewer) > 1 else ""
    return f"{read} of its {has} pods were read of {workload.ref}{more}"


def unheard(case: Case) -> list[str]:
    """Whose logs were not read, in words: of the target and its neighbours, or without a target of every workload.

    Read is a workload whose pods that are not well were read, or one of its pods where all are well. Of a pod in which
    nothing has been started yet there is no log.
    """
    return case.once("unheard", lambda: _unheard(case))


def _unheard(case: Case) -> list[str]:
    concerned = case.target_refs | case.near_refs
    missing = []
    for workload in case.workloads:
        if case.evidence.target is not None and workload.ref not in concerned:
            continue
        started = [p for p in workload.living if any(c.running or c.termination() for c in pods.containers(p))]
        silent = [p for p in started if not any(True for _ in case.logs(p))]
        if any(case.unwell(p) for p in silent) or (started and len(silent) == len(started)):
            missing.append(workload.ref)
    if not missing:
        return []
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return [f"logs of {', '.join(missing[:_NAMED])}{more}"]


_NAMED = 3


def _pods_of(workload: Workload) -> int:
    return fields.integer(workload.object, "status", _REPLICAS.get(workload.kind, "")) or 0
