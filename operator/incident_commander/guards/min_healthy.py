"""Enough ready pods stay, whatever is restarted or deleted."""

from __future__ import annotations

from incident_commander.api.policy import Limits
from incident_commander.guards.disruption import Unknown, disruption_of
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.verdicts import allow, deny


def enough_healthy(given: GuardInput) -> GuardVerdict:
    """``spec.limits.minHealthyPercent`` of the wanted pods. A step that takes no ready pod is always allowed:
    the pods that do not serve are what it is to mend.
    """
    if given.undoing:
        return allow("Undoing")
    found = disruption_of(given)
    if found is None:
        return allow("NotDisruptive")
    if isinstance(found, Unknown):
        return deny("HealthUnknown", found.message)
    percent = (given.policy.spec.limits if given.policy is not None else Limits()).min_healthy_percent
    floor = -(-found.desired * percent // 100)
    if not found.takes_ready_pods or found.left >= floor:
        return allow("EnoughHealthy", f"at worst {found.left} of {found.desired} pods stay ready")
    return deny(
        "BelowHealthyFloor",
        f"{given.step.action} may leave {found.left} of {found.desired} pods of {given.step.target} ready; the policy"
        f" wants {floor} ({percent} %, spec.limits.minHealthyPercent)",
    )
