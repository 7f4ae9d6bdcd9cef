"""DeletePod: the controller makes a new pod, perhaps elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.pods import replaceable
from incident_commander.actions.steps import related
from incident_commander.api import kinds
from incident_commander.api.plan import ActionName, Risk, Step, Undo, Verb
from incident_commander.evidence import fields, pods
from incident_commander.evidence.evidence import reference, target_of


class DeletePod:
    """No parameters. Only for pods that a controller replaces; a deleted pod itself cannot come back.

    Medium risk for that, whatever other pods do just now: the step must not change while they come and go.
    """

    name = ActionName.DELETE_POD
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
        """See ``Action.plan``. Refuses pods without a controller, and static (mirror) pods."""
        owner = replaceable(self, situation, parameters)
        pod = situation.target
        others = [p for p in related(situation, kinds.POD) if fields.name(p) != fields.name(pod) and pods.ready(p)]
        return Step(
            name=step_name,
            action=self.name,
            target=target_of(pod),
            parameters=dict(parameters),
            verb=Verb.DELETE,
            undo=Undo(
                possible=False, reason=f"{owner.kind} {owner.name} makes a new pod; the old one cannot come back"
            ),
            risk=Risk.MEDIUM,
            summary=f"delete {reference(pod)}; {owner.kind} {owner.name} makes a new one"
            f" ({len(others)} other pods of it are ready)",
        )
