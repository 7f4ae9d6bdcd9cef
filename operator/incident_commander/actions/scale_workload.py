"""ScaleWorkload: another number of replicas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.fields import pointer
from incident_commander.actions.rollouts import desired_pods
from incident_commander.actions.steps import Draft, check, related, spell_out, whole_number
from incident_commander.api import kinds
from incident_commander.api.plan import ActionName, Risk, Step
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference


class ScaleWorkload:
    """Parameter ``replicas``. What an autoscaler controls is left to it."""

    name = ActionName.SCALE_WORKLOAD
    takes = Parameters(needed=("replicas",))
    kinds = frozenset({"Deployment", "StatefulSet"})

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Refuses zero, more than ``max_replicas``, less than the healthy floor, and HPAs."""
        target = check(self, situation, parameters)
        replicas, now = whole_number(self, parameters, "replicas"), desired_pods(target)
        hpas = related(situation, kinds.HORIZONTAL_POD_AUTOSCALER)
        if hpas:
            raise Refusal(
                "ScaledByHPA",
                f"{reference(target)} is scaled by HorizontalPodAutoscaler {fields.name(hpas[0])}, which would undo"
                " this; use PatchHPA on it",
            )
        if now == 0:
            raise Refusal("ScaledToZero", f"{reference(target)} was scaled to zero by somebody; that is left alone")
        floor = -(-now * bounds.min_healthy_percent // 100)
        if replicas < max(1, floor):
            raise Refusal(
                "BelowHealthyFloor",
                f"{replicas} replicas are fewer than {max(1, floor)}, which is {bounds.min_healthy_percent} % of the"
                f" {now} that {reference(target)} has",
            )
        if replicas > max(now, bounds.max_replicas):
            raise Refusal(
                "AboveBound",
                f"{replicas} replicas of {reference(target)} are more than the policy allows ({bounds.max_replicas},"
                " spec.limits.maxReplicas)",
            )
        draft = Draft(
            values={pointer("spec", "replicas"): replicas},
            risk=Risk.LOW if replicas > now else Risk.MEDIUM,
            summary=f"scale {reference(target)} from {now} to {replicas} replicas",
        )
        return spell_out(self, situation, parameters, step_name, draft)
