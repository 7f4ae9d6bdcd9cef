"""What creating the pods of a workload met with at the API server, while pods are missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.ports import Object


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
    for event in _of_lost_creators(case, workload):
        yield Refusal(fields.text(event, "message"), citing.of_event(event))
    for creator in creators:
        for n, condition in enumerate(fields.items(creator, "status", "conditions")):
            if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
                cited = citing.of_object(creator, f"status.conditions[{n}].message")
                yield Refusal(fields.text(condition, "message"), cited)
        for event in case.events(creator, "FailedCreate"):
            yield Refusal(fields.text(event, "message"), citing.of_event(event))


def _of_lost_creators(case: Case, workload: Workload) -> Iterator[Object]:
    """Events of the ReplicaSets of a Deployment when ReplicaSets themselves were not read: their names tell."""
    if workload.kind != "Deployment" or case.evidence.asked(kinds.REPLICA_SET):
        return
    own = re.compile(re.escape(fields.name(workload.object)) + r"-[a-z0-9]{1,10}")
    for event in case.events_of("ReplicaSet", fields.namespace(workload.object), "FailedCreate"):
        if own.fullmatch(fields.text(event, "involvedObject", "name")):
            yield event


def never_made(workload: Workload) -> bool:
    """Whether pods are missing that nobody has made: fewer than are wanted, those that wait or fail counted."""
    desired = workload.health.desired
    alive = [p for p in workload.pods if not pods.terminating(p) and not pods.finished(p)]
    if desired is not None and len(alive) < desired:
        return True
    newest = workload.revisions[0].source if workload.revisions else None
    if newest is None or fields.text(newest, "kind") != "ReplicaSet":
        return False
    wanted, made = fields.integer(newest, "spec", "replicas"), fields.integer(newest, "status", "replicas")
    return wanted is not None and made is not None and made < wanted


def _short(workload: Workload) -> bool:
    desired = workload.health.desired
    return desired is None or len(workload.living) < desired or not workload.health.rollout_complete
