"""What creating the pods of a workload met with at the API server, while pods are missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields


@dataclass(frozen=True, slots=True)
class Refusal:
    """The API server's words, and where they stand."""

    message: str
    citation: Citation


def refusals(case: Case, workload: Workload) -> Iterator[Refusal]:
    """From the conditions and events of whatever creates the pods; none when no pod is missing."""
    if not _short(workload):
        return
    creators = [workload.object]
    for kind in (kinds.REPLICA_SET, kinds.JOB):
        creators += [o for o in case.topology.under(workload.object, kind) if o is not workload.object]
    for creator in creators:
        for n, condition in enumerate(fields.items(creator, "status", "conditions")):
            if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
                cited = citing.of_object(creator, f"status.conditions[{n}].message")
                yield Refusal(fields.text(condition, "message"), cited)
        for event in case.events(creator, "FailedCreate"):
            yield Refusal(fields.text(event, "message"), citing.of_event(event))


def _short(workload: Workload) -> bool:
    desired = workload.health.desired
    return desired is None or len(workload.living) < desired or not workload.health.rollout_complete
