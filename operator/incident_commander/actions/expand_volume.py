"""ExpandVolume: a larger claim. The storage driver grows the volume; it can never shrink again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.fields import pointer
from incident_commander.actions.steps import Draft, check, related, spell_out, whole_number
from incident_commander.api import kinds
from incident_commander.api.plan import ActionName, Risk, Step, Undo
from incident_commander.api.quantity import format_memory, parse_quantity
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.ports import Object

_GIB = 1024**3


class ExpandVolume:
    """Parameter ``percent``: by how much the claim grows, rounded up to a whole GiB.

    Medium risk although it cannot be undone: no pod is interrupted and nothing is lost, but the storage is paid for
    from then on. So a policy has to name the largest size (``spec.limits.maxVolume``); there is no default.
    """

    name = ActionName.EXPAND_VOLUME
    takes = Parameters(needed=("percent",))
    kinds = frozenset({"PersistentVolumeClaim"})

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Refuses claims that are not bound, still growing, or of a class that cannot grow."""
        claim = check(self, situation, parameters)
        percent = whole_number(self, parameters, "percent")
        if not 1 <= percent <= 100:
            raise Refusal("BadParameter", f"ExpandVolume: percent is {percent}; write 1 to 100")
        _require_growable(claim, situation)
        now = fields.quantity(claim, "spec", "resources", "requests", "storage")
        if now is None:
            raise Refusal("NotObserved", f"{reference(claim)} does not say how large it is")
        wanted = _grown(now, percent)
        _require_within(bounds.max_volume, wanted, claim)
        old = fields.text(claim, "spec", "resources", "requests", "storage")
        draft = Draft(
            values={pointer("spec", "resources", "requests", "storage"): format_memory(wanted)},
            risk=Risk.MEDIUM,
            summary=f"grow {reference(claim)} from {old} to {format_memory(wanted)}; it can never shrink again",
        )
        step = spell_out(self, situation, parameters, step_name, draft)
        return step.model_copy(
            update={"undo": Undo(possible=False, reason="a volume never shrinks: a smaller claim is refused")}
        )


def _grown(now: Decimal, percent: int) -> int:
    """Bytes, a whole number of GiB."""
    return int((now * (100 + percent) / 100 / _GIB).to_integral_value(ROUND_CEILING)) * _GIB


def _require_growable(claim: Object, situation: Situation) -> None:
    phase = fields.text(claim, "status", "phase")
    if phase != "Bound":
        raise Refusal("ClaimNotBound", f"{reference(claim)} is {phase or 'in no phase'}; only a bound claim can grow")
    asked = fields.quantity(claim, "spec", "resources", "requests", "storage")
    has = fields.quantity(claim, "status", "capacity", "storage")
    if asked is not None and has is not None and has < asked:
        raise Refusal(
            "StillGrowing",
            f"{reference(claim)} asks for {fields.text(claim, 'spec', 'resources', 'requests', 'storage')} and has"
            f" {fields.text(claim, 'status', 'capacity', 'storage')}: an earlier expansion is not finished",
        )
    name = fields.text(claim, "spec", "storageClassName")
    found = next((c for c in related(situation, kinds.STORAGE_CLASS) if fields.name(c) == name), None)
    if not name or found is None:
        raise Refusal("NoStorageClass", f"{reference(claim)} has no StorageClass that could grow it ({name or 'none'})")
    if fields.flag(found, "allowVolumeExpansion") is not True:
        raise Refusal(
            "NotExpandable", f"StorageClass {name} of {reference(claim)} allows no expansion (allowVolumeExpansion)"
        )


def _require_within(most: str, wanted: int, claim: Object) -> None:
    if not most:
        raise Refusal(
            "NoBound",
            f"{reference(claim)} may only grow where a policy says how far: set spec.limits.maxVolume, such as 100Gi",
        )
    try:
        bound = parse_quantity(most)
    except ValueError as error:
        raise Refusal("BadBound", f"the policy's bound for volumes cannot be read: {error}") from error
    if wanted > bound:
        raise Refusal(
            "AboveBound",
            f"{format_memory(wanted)} for {reference(claim)} is more than the policy allows ({most},"
            " spec.limits.maxVolume)",
        )
