"""EvictPod: as DeletePod, but through the Eviction API, which asks every PodDisruptionBudget."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.pods import replaceable
from incident_commander.api.plan import ActionName, Risk, Step, Undo, Verb
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.owners import Owner
from incident_commander.ports import Object


class EvictPod:
    """No parameters. Only for pods that a controller replaces, and whose node-local data the policy lets go.

    Medium risk: the old pod cannot come back, whatever its controller does. The API server refuses it (429) when
    a PodDisruptionBudget is spent; that is an answer, not a failure to be tried against.
    """

    name = ActionName.EVICT_POD
    takes = Parameters()
    kinds = frozenset({"Pod"})

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Refuses pods without a controller, static pods, DaemonSets' pods and local data."""
        owner = replaceable(self, situation, parameters)
        pod = situation.target
        require_evictable(pod, owner, bounds)
        return Step(
            name=step_name,
            action=self.name,
            target=target_of(pod),
            parameters=dict(parameters),
            verb=Verb.EVICT,
            undo=Undo(
                possible=False, reason=f"{owner.kind} {owner.name} makes a new pod; the old one cannot come back"
            ),
            risk=Risk.MEDIUM,
            summary=f"evict {reference(pod)}, if its disruption budgets allow it; {owner.kind} {owner.name} makes a new"
            " one",
        )


def require_evictable(pod: Object, owner: Owner, bounds: Bounds) -> None:
    """Raises ``Refusal``: ``DaemonSetPod``, or ``LocalData``."""
    if owner.kind == "DaemonSet":
        raise Refusal(
            "DaemonSetPod", f"{reference(pod)} belongs to DaemonSet {owner.name}, which makes it anew on the same node"
        )
    volume = next((v for v in fields.items(pod, "spec", "volumes") if "emptyDir" in v), None)
    if volume is not None and not bounds.delete_empty_dir_data:
        raise Refusal(
            "LocalData",
            f"{reference(pod)} keeps data in the emptyDir volume {fields.text(volume, 'name')}, which would be lost;"
            " set spec.limits.deleteEmptyDirData in the policy where that does no harm",
        )
