"""DrainNode: no new pods on a node, and those that can go are evicted, one step each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.cordon_node import cordon
from incident_commander.actions.pods import static
from incident_commander.actions.steps import Draft, check, related, spell_out
from incident_commander.api import kinds
from incident_commander.api.plan import ActionName, Risk, Step
from incident_commander.errors import Refusal
from incident_commander.evidence import fields, pods
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.owners import controller
from incident_commander.ports import Object

MAX_PODS = 24
"""Pods that one plan evicts: each is a step with guards of its own, and a plan has to fit into an annotation."""


class DrainNode:
    """No parameters. This step cordons; the planner adds an EvictPod step for each pod of ``pods_to_evict``.

    So every pod is judged by its own namespace's opt-in and policy, by the healthy floor and by its
    PodDisruptionBudgets, and a crash in between finds each pod evicted or not. Undone is the cordon only: pods that
    were moved stay where they are.
    """

    name = ActionName.DRAIN_NODE
    takes = Parameters()
    kinds = frozenset({"Node"})

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Refuses as CordonNode does. The step does not change while pods come and go."""
        node = check(self, situation, parameters)
        values, left = cordon(situation, bounds)
        draft = Draft(
            values=values,
            risk=Risk.MEDIUM,
            summary=f"cordon {reference(node)} ({left}), then evict its pods as their disruption budgets allow",
        )
        return spell_out(self, situation, parameters, step_name, draft)


def pods_to_evict(situation: Situation) -> Sequence[Object]:
    """The pods of a node that a drain moves, by namespace and name: none of DaemonSets, kubelets, or that have ended.

    Raises ``Refusal``: ``UnmanagedPod`` (nothing would bring it back), ``NothingToEvict``, or ``TooManyPods``.
    """
    node = situation.target
    found = []
    for pod in related(situation, kinds.POD):
        owner = controller(pod)
        if static(pod, owner) or pods.finished(pod) or pods.terminating(pod):
            continue
        if owner is None:
            raise Refusal(
                "UnmanagedPod",
                f"{reference(pod)} on {reference(node)} has no controller: nothing would bring it back",
            )
        if owner.kind != "DaemonSet":
            found.append(pod)
    if not found:
        raise Refusal("NothingToEvict", f"{reference(node)} has no pod that a drain would move: use CordonNode")
    if len(found) > MAX_PODS:
        raise Refusal(
            "TooManyPods",
            f"{reference(node)} has {len(found)} pods to evict; one plan moves at most {MAX_PODS}. Drain it by hand",
        )
    return sorted(found, key=lambda pod: (fields.namespace(pod), fields.name(pod)))
