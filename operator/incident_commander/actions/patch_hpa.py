"""PatchHPA: more room for a HorizontalPodAutoscaler."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.fields import pointer
from incident_commander.actions.steps import Draft, check, spell_out, whole_number
from incident_commander.api.plan import ActionName, Risk, Step
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference


class PatchHPA:
    """Parameters ``maxReplicas`` and, optionally, ``minReplicas``. Only upwards: it never scales down."""

    name = ActionName.PATCH_HPA
    takes = Parameters(needed=("maxReplicas",), optional=("minReplicas",))
    kinds = frozenset({"HorizontalPodAutoscaler"})

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Refuses lower values and more than ``max_replicas``."""
        target = check(self, situation, parameters)
        most = whole_number(self, parameters, "maxReplicas")
        old_most = fields.integer(target, "spec", "maxReplicas") or 0
        old_least = fields.integer(target, "spec", "minReplicas")
        old_least = 1 if old_least is None else old_least
        least = whole_number(self, parameters, "minReplicas") if "minReplicas" in parameters else old_least
        if most < old_most or least < old_least:
            raise Refusal(
                "WouldScaleDown",
                f"{reference(target)} has {old_least} to {old_most} replicas; {least} to {most} would take room away",
            )
        if least > most:
            raise Refusal("BadParameter", f"PatchHPA: minReplicas {least} is more than maxReplicas {most}")
        if most > max(bounds.max_replicas, old_most):
            raise Refusal(
                "AboveBound",
                f"maxReplicas {most} of {reference(target)} is more than the policy allows ({bounds.max_replicas},"
                " spec.limits.maxReplicas)",
            )
        values: dict[str, object] = {pointer("spec", "maxReplicas"): most}
        if "minReplicas" in parameters:
            values[pointer("spec", "minReplicas")] = least
        draft = Draft(
            values=values,
            risk=Risk.LOW,
            summary=f"let {reference(target)} scale {least} to {most} replicas (was {old_least} to {old_most})",
        )
        return spell_out(self, situation, parameters, step_name, draft)
