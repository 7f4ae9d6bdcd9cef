"""When people are told of an Incident, and what. Pure."""

from __future__ import annotations

from datetime import datetime

from incident_commander.api.incident import Incident, IncidentStatus, Outcome, Phase
from incident_commander.ports import Notice


def notice_of(incident: Incident, after: IncidentStatus, now: datetime) -> Notice | None:
    """A message when a person has to decide, or when the Incident ends with something left for people to do."""
    event = _event(incident.status, after)
    if event is None:
        return None
    meta, plan = incident.metadata, after.plan
    waits = event == "ApprovalRequired"
    return Notice(
        event=event,
        namespace=meta.namespace or "",
        name=meta.name,
        uid=meta.uid,
        severity=incident.spec.severity.value,
        phase=after.phase.value,
        outcome=after.outcome.value if after.outcome is not None else "",
        target=after.target,
        alert=after.alert,
        cause=after.cause,
        message=after.message,
        plan=plan.summary if plan is not None else "",
        plan_digest=plan.digest if plan is not None else "",
        policy=after.policy,
        at=now,
        act_by=after.deadline if waits else None,
    )


def _event(before: IncidentStatus, after: IncidentStatus) -> str | None:
    if after.phase is before.phase:
        return None
    if after.phase is Phase.AWAITING_APPROVAL:
        return "ApprovalRequired"
    if after.phase is Phase.ESCALATED:
        return "Escalated"
    if after.phase is Phase.CLOSED and after.outcome is Outcome.RECOMMENDED:
        return "Recommended"
    return None
