"""Conditions: set one without moving ``lastTransitionTime`` when its status stays the same."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime

from incident_commander.api.meta import Condition


class ConditionType(enum.StrEnum):
    """One per stage; ``kubectl wait --for=condition=...`` works with each."""

    DIAGNOSED = "Diagnosed"
    PLANNED = "Planned"
    CONSENSUS_REACHED = "ConsensusReached"
    APPROVED = "Approved"
    EXECUTED = "Executed"
    VERIFIED = "Verified"
    RESOLVED = "Resolved"


class PolicyConditionType(enum.StrEnum):
    """Of a RemediationPolicy: is it understood, and may it ever let something be done?"""

    ACCEPTED = "Accepted"
    EFFECTIVE = "Effective"


def set_condition(
    conditions: Sequence[Condition],
    type_: ConditionType | PolicyConditionType,
    status: bool | None,
    reason: str,
    message: str,
    *,
    generation: int,
    now: datetime,
) -> list[Condition]:
    """The list with that condition set; ``status`` None is ``Unknown``. Order is kept, new ones go last."""
    text = "Unknown" if status is None else str(status)
    old = next((c for c in conditions if c.type == type_), None)
    since = old.last_transition_time if old is not None and old.status == text else now
    new = Condition(
        type=type_,
        status=text,
        reason=reason,
        message=message[:1024],
        observed_generation=generation,
        last_transition_time=since,
    )
    if old is None:
        return [*conditions, new]
    return [new if c.type == type_ else c for c in conditions]


def find_condition(conditions: Sequence[Condition], type_: ConditionType | PolicyConditionType) -> Condition | None:
    """The condition of that type, or None."""
    return next((c for c in conditions if c.type == type_), None)
