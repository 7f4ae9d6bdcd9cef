"""RestartRollout: new pods of the same template, as ``kubectl rollout restart`` does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident_commander.actions import rollouts
from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.fields import pointer
from incident_commander.actions.steps import Draft, check, spell_out
from incident_commander.api.meta import format_time
from incident_commander.api.names import ANNOTATION_RESTARTED_AT
from incident_commander.api.plan import ActionName, Step
from incident_commander.evidence.evidence import reference


class RestartRollout:
    """No parameters. The undo takes the annotation back, which replaces the pods once more."""

    name = ActionName.RESTART_ROLLOUT
    takes = Parameters()
    kinds = rollouts.KINDS

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Refuses paused rollouts and OnDelete workloads."""
        target = check(self, situation, parameters)
        rollouts.require_rolling(target)
        path = pointer("spec", "template", "metadata", "annotations", ANNOTATION_RESTARTED_AT)
        draft = Draft(
            values={path: format_time(issued_at)},
            risk=rollouts.risk_of_rollout(target),
            summary=f"restart {reference(target)}: its pods are replaced one after the other",
        )
        return spell_out(self, situation, parameters, step_name, draft)
