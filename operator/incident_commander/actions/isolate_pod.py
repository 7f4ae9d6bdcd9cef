"""IsolatePod: out of its Services and kept as it is, for people to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.fields import pointer
from incident_commander.actions.pods import replaceable
from incident_commander.actions.steps import NOTHING_TO_CHANGE, Draft, related, spell_out
from incident_commander.api import kinds
from incident_commander.api.names import LABEL_ISOLATED
from incident_commander.api.plan import ActionName, Risk, Step
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.owners import Owner, find_owner, selects
from incident_commander.ports import Object

ISOLATED = "isolated-by-incident-commander"


class IsolatePod:
    """No parameters. The labels by which Services and the ReplicaSet select the pod get another value.

    The ReplicaSet lets go of it and makes another, so that no capacity is missing; nothing collects the isolated
    pod: people delete it when they have seen enough. The undo gives the labels back: the ReplicaSet takes the pod in
    again and deletes one of its own, which may be this one.
    Only pods of ReplicaSets: a StatefulSet cannot make another pod of the same name beside it, and a DaemonSet's
    would want the same ports of the node.
    """

    name = ActionName.ISOLATE_POD
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
        """See ``Action.plan``. Refuses pods that no Service selects: there would be nothing to take them out of."""
        owner = replaceable(self, situation, parameters)
        pod = situation.target
        if owner.kind != "ReplicaSet":
            raise Refusal(
                "NotReplicaSetPod",
                f"{reference(pod)} is controlled by {owner.kind} {owner.name}; only a ReplicaSet makes another pod"
                " beside an isolated one",
            )
        labels = fields.strings(pod, "metadata", "labels")
        if labels.get(LABEL_ISOLATED) == "true":
            raise Refusal(NOTHING_TO_CHANGE, f"{reference(pod)} is isolated already")
        services = [s for s in related(situation, kinds.SERVICE) if selects(_selector(s), labels)]
        if not services:
            raise Refusal("NoService", f"no Service selects {reference(pod)}: there is no traffic to take away")
        keys = _keys([_selector(s) for s in services], _controlling(situation, owner))
        values: dict[str, object] = {pointer("metadata", "labels", key): ISOLATED for key in keys}
        values[pointer("metadata", "labels", LABEL_ISOLATED)] = "true"
        names = ", ".join(sorted(fields.name(s) for s in services))
        draft = Draft(
            values=values,
            risk=Risk.MEDIUM,
            summary=f"isolate {reference(pod)} from Service {names} (label {', '.join(keys)}): ReplicaSet {owner.name}"
            f" makes another; it stays until somebody deletes it (kubectl get pods -l {LABEL_ISOLATED}=true)",
        )
        return spell_out(self, situation, parameters, step_name, draft)


def _selector(service: Object) -> Mapping[str, str]:
    return fields.strings(service, "spec", "selector")


def _controlling(situation: Situation, owner: Owner) -> Mapping[str, str]:
    """What the ReplicaSet selects by, but for the hash of its template: that tells revisions, not members."""
    found = find_owner(situation.target, situation.related)
    if found is None:
        raise Refusal("NotObserved", f"ReplicaSet {owner.name} of {reference(situation.target)} could not be read")
    selector = fields.strings(found, "spec", "selector", "matchLabels")
    return {key: value for key, value in selector.items() if key != "pod-template-hash"}


def _keys(selectors: Sequence[Mapping[str, str]], controlling: Mapping[str, str]) -> list[str]:
    """Labels of which each Service loses at least one, and the ReplicaSet, too: those that they share first."""
    chosen: set[str] = set()
    for selector in [*selectors, controlling]:
        if selector and not chosen & set(selector):
            chosen.add(min(selector, key=lambda key: (key not in controlling, key)))
    return sorted(chosen)
