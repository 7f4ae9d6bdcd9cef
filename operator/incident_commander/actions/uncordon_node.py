"""UncordonNode: a node that has recovered takes new pods again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.fields import ABSENT, pointer
from incident_commander.actions.steps import NOTHING_TO_CHANGE, Draft, check, spell_out
from incident_commander.api.names import FIELD_MANAGER_EXECUTOR
from incident_commander.api.plan import ActionName, Risk, Step
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.health import PRESSURES
from incident_commander.ports import Object


class UncordonNode:
    """Parameter ``cordonedBy``: ``us`` (default; only what the executor itself cordoned) or ``anyone``.

    Who cordoned a node stands in ``metadata.managedFields``: a person who drains a node for maintenance must
    not find it in use again.
    """

    name = ActionName.UNCORDON_NODE
    takes = Parameters(optional=("cordonedBy",))
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
        """See ``Action.plan``. Refuses nodes that are not ready, under pressure, or cordoned by somebody else."""
        node = check(self, situation, parameters)
        by = parameters.get("cordonedBy", "us")
        if by not in ("us", "anyone"):
            raise Refusal("BadParameter", f"UncordonNode: cordonedBy is {by!r}; write us or anyone")
        if not fields.flag(node, "spec", "unschedulable"):
            raise Refusal(NOTHING_TO_CHANGE, f"{reference(node)} is not cordoned")
        bad = [p for p in PRESSURES if fields.condition(node, p).get("status") == "True"]
        if fields.condition(node, "Ready").get("status") != "True" or bad:
            why = ", ".join(bad) or "not ready"
            raise Refusal("NodeNotHealthy", f"{reference(node)} is {why}: it stays cordoned")
        if by == "us" and not cordoned_by_us(node):
            raise Refusal(
                "CordonedBySomebodyElse",
                f"{reference(node)} was not cordoned by this operator; ask whoever did, or kubectl uncordon"
                f" {fields.name(node)}",
            )
        draft = Draft(
            # Removed, as the API server does not store a false here: it would not be found again.
            values={pointer("spec", "unschedulable"): ABSENT},
            risk=Risk.LOW,
            summary=f"uncordon {reference(node)}: it is ready and takes new pods again",
        )
        return spell_out(self, situation, parameters, step_name, draft)


def cordoned_by_us(node: Object) -> bool:
    """Whether the executor's field manager owns ``spec.unschedulable``."""
    return any(
        fields.text(entry, "manager") == FIELD_MANAGER_EXECUTOR
        and "f:unschedulable" in fields.mapping(entry, "fieldsV1", "f:spec")
        for entry in fields.items(node, "metadata", "managedFields")
    )
