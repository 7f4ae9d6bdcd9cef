"""Whether what was read is enough to call something healthy: what is not seen may be ill."""

from __future__ import annotations

from collections.abc import Sequence

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.evidence import fields

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


def _pods_of(workload: Workload) -> int:
    return fields.integer(workload.object, "status", _REPLICAS.get(workload.kind, "")) or 0
