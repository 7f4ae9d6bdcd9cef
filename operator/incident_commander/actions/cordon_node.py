"""CordonNode: no new pods on a node; those that are there stay."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.fields import pointer
from incident_commander.actions.steps import NOTHING_TO_CHANGE, Draft, check, related, spell_out
from incident_commander.api import kinds
from incident_commander.api.plan import ActionName, Risk, Step
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.ports import Object


class CordonNode:
    """No parameters. Never cordons so many nodes that less than the healthy floor takes new pods."""

    name = ActionName.CORDON_NODE
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
        """See ``Action.plan``. Refuses below the floor, which counts all nodes of the cluster."""
        node = check(self, situation, parameters)
        values, left = cordon(situation, bounds)
        draft = Draft(values=values, risk=Risk.LOW, summary=f"cordon {reference(node)}: {left}")
        return spell_out(self, situation, parameters, step_name, draft)


def cordon(situation: Situation, bounds: Bounds) -> tuple[dict[str, object], str]:
    """The fields of a cordon, and what it leaves. Raises ``Refusal``: ``NothingToChange``, ``TooFewNodes``."""
    node = situation.target
    if fields.flag(node, "spec", "unschedulable"):
        raise Refusal(NOTHING_TO_CHANGE, f"{reference(node)} is cordoned already")
    nodes = related(situation, kinds.NODE)
    left = [n for n in nodes if fields.name(n) != fields.name(node) and usable(n)]
    floor = max(1, -(-len(nodes) * bounds.min_healthy_percent // 100))
    if len(left) < floor:
        raise Refusal(
            "TooFewNodes",
            f"without {reference(node)}, {len(left)} of {len(nodes)} nodes would take new pods; at least {floor}"
            f" must ({bounds.min_healthy_percent} %, spec.limits.minHealthyPercent)",
        )
    return {pointer("spec", "unschedulable"): True}, f"{len(left)} of {len(nodes)} nodes still take new pods"


def usable(node: Object) -> bool:
    """Whether new pods can be scheduled there: ready and not cordoned."""
    return fields.condition(node, "Ready").get("status") == "True" and not fields.flag(node, "spec", "unschedulable")
