"""Escalate: nothing is written; people are asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.steps import check
from incident_commander.api import kinds
from incident_commander.api.plan import ActionName, Risk, Step, Undo, Verb
from incident_commander.evidence.evidence import reference, target_of


class Escalate:
    """Parameter ``message``: what people need to know and where to look. Any kind of target."""

    name = ActionName.ESCALATE
    takes = Parameters(optional=("message",))
    kinds = frozenset(kind.kind for kind in kinds.ALL)

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Never refuses for the target's state, and does not go stale with it."""
        check(self, Situation(target=_timeless(situation)), parameters)
        target = situation.target
        return Step(
            name=step_name,
            action=self.name,
            target=target_of(target).model_copy(update={"generation": None}),
            parameters=dict(parameters),
            verb=Verb.NONE,
            undo=Undo(possible=False, reason="nothing is written"),
            risk=Risk.LOW,
            summary=parameters.get("message", f"ask people to look at {reference(target)}"),
        )


def _timeless(situation: Situation) -> dict[str, object]:
    meta = situation.target.get("metadata", {})
    return {**situation.target, "metadata": {k: v for k, v in meta.items() if k != "deletionTimestamp"}}
