"""How many ready pods a step leaves at its worst moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from incident_commander.actions import rollouts
from incident_commander.api import kinds
from incident_commander.api.plan import ActionName
from incident_commander.evidence import fields, pods
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.owners import find_owner
from incident_commander.guards.guard import GuardInput
from incident_commander.ports import Object

_ROLLS_OUT = frozenset(
    {ActionName.RESTART_ROLLOUT, ActionName.ROLLBACK_ROLLOUT, ActionName.SET_RESOURCES, ActionName.SET_ENV}
)
TAKES_ONE_POD = frozenset({ActionName.DELETE_POD, ActionName.EVICT_POD, ActionName.ISOLATE_POD})
"""The pod that is the target serves nobody any more. DrainNode evicts by steps of their own."""
DISRUPTIVE = _ROLLS_OUT | TAKES_ONE_POD | {ActionName.SCALE_WORKLOAD}


@dataclass(frozen=True, slots=True)
class Disruption:
    """``ready`` of ``desired`` pods are ready now; at worst ``left`` of them stay so."""

    ready: int
    desired: int
    left: int

    @property
    def takes_ready_pods(self) -> bool:
        """Whether a pod that serves now may go."""
        return self.left < self.ready


@dataclass(frozen=True, slots=True)
class Unknown:
    """It cannot be told; ``message`` says what is missing."""

    message: str


def disruption_of(given: GuardInput) -> Disruption | Unknown | None:
    """None for a step that takes no pod down."""
    target, action = given.target, given.step.action
    kind = fields.text(target, "kind")
    if action not in DISRUPTIVE or (action is ActionName.SET_RESOURCES and kind == "Pod"):
        return None
    if action in TAKES_ONE_POD:
        return _deletion(given)
    if fields.integer(target, "status", "observedGeneration") is None:
        return Unknown(f"{reference(target)} has no status yet")
    desired, ready = rollouts.desired_pods(target), rollouts.ready_pods(target)
    if action is ActionName.SCALE_WORKLOAD:
        wanted = next((op.value for op in given.step.operations if op.path == "/spec/replicas"), None)
        if wanted is None or not wanted.isdigit():
            return Unknown("the step does not say to how many replicas it scales")
        return Disruption(ready, desired, min(ready, int(wanted)))
    return Disruption(ready, desired, min(ready, max(0, desired - rollouts.max_unavailable(target))))


def _deletion(given: GuardInput) -> Disruption | Unknown:
    pod, siblings = given.target, given.related.get(kinds.POD.resource)
    if siblings is None:
        return Unknown(f"the other pods of the controller of {reference(pod)} could not be read")
    serving = [p for p in siblings if pods.ready(p) and not pods.terminating(p)]
    owner = find_owner(pod, given.related)
    desired = rollouts.desired_pods(owner) if owner is not None else _living(siblings)
    left = [p for p in serving if fields.name(p) != fields.name(pod)]
    return Disruption(len(serving), max(desired, 1), len(left))


def _living(siblings: Sequence[Object]) -> int:
    return sum(not pods.finished(p) and not pods.terminating(p) for p in siblings)
