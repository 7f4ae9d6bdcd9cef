"""What becomes of Incidents."""

from __future__ import annotations

import enum

from incident_commander.adapters.instruments.instrument import (
    CAUSES,
    OPEN_PHASES,
    OUTCOMES,
    PHASES,
    SEVERITIES,
    SLOW,
    Source,
    counter,
    gauge,
    histogram,
)
from incident_commander.api.incident import CheckResult, Outcome, StepOutcome
from incident_commander.api.plan import ActionName

ACTIONS = tuple(a.value for a in ActionName)


class Recovery(enum.StrEnum):
    """Outcomes after which the workload was measured healthy."""

    REMEDIATED = Outcome.REMEDIATED.value
    PREVENTED = Outcome.PREVENTED.value
    SELF_HEALED = Outcome.SELF_HEALED.value


class ApprovalEnd(enum.StrEnum):
    """How the wait for a person ended. Overtaken: the alert resolved or the target went away meanwhile."""

    APPROVED = "Approved"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    OVERTAKEN = "Overtaken"


class UndoResult(enum.StrEnum):
    """Undone: the target shows the old values again. Failed: it does not, or nobody can tell."""

    UNDONE = "Undone"
    FAILED = "Failed"


class Effect(enum.StrEnum):
    """What a guard's refusal meant: the plan was refused, or waits until the guard may allow it."""

    REFUSED = "Refused"
    WAITING = "Waiting"


INCIDENTS_OPENED = counter(
    "incidents_opened_total",
    Source.COORDINATOR,
    "Incidents that were taken up.",
    severity=SEVERITIES,
)
INCIDENTS_ENDED = counter(
    "incidents_ended_total",
    Source.COORDINATOR,
    "Incidents that came to an end. One that is undone later, or heals after it was handed over, ends again.",
    outcome=OUTCOMES,
    severity=SEVERITIES,
)
INCIDENT_CAUSES = counter(
    "incident_causes_total",
    Source.COORDINATOR,
    "Incidents that came to an end, by the likeliest cause that was diagnosed.",
    cause=CAUSES,
    outcome=OUTCOMES,
)
INCIDENT_DURATION = histogram(
    "incident_duration_seconds",
    Source.COORDINATOR,
    "From an Incident's creation to its end.",
    buckets=SLOW,
    outcome=OUTCOMES,
)
RECOVERY_DURATION = histogram(
    "recovery_duration_seconds",
    Source.COORDINATOR,
    "From the first alert's startsAt to recovery being proven. Only ends that were measured healthy count.",
    buckets=SLOW,
    outcome=tuple(r.value for r in Recovery),
)
OPEN_INCIDENTS = gauge(
    "open_incidents",
    Source.COORDINATOR,
    "Incidents that are being worked on, as the watch sees them.",
    phase=OPEN_PHASES,
)
OPEN_INCIDENT_AGE = gauge(
    "open_incident_phase_age_seconds",
    Source.COORDINATOR,
    "How long the Incident that is longest in this phase has been there, as this process saw it; 0 when there is none.",
    phase=OPEN_PHASES,
)
OPEN_STORMS = gauge(
    "open_storms",
    Source.COORDINATOR,
    "Open Incidents that stand for an alert storm of their namespace.",
)
PHASE_TRANSITIONS = counter(
    "phase_transitions_total",
    Source.COORDINATOR,
    "Phase changes of Incidents.",
    from_phase=PHASES,
    to_phase=PHASES,
)
PHASE_DURATION = histogram(
    "phase_duration_seconds",
    Source.COORDINATOR,
    "How long Incidents stayed in a phase. What was entered before this process started is not measured.",
    buckets=SLOW,
    phase=OPEN_PHASES,
)

# People and guards.
NOTIFICATIONS = counter(
    "notifications_total",
    Source.COORDINATOR,
    "Messages to people; Failed was not accepted by the receiver, Dropped was one too many at a time.",
    result=("Sent", "Failed", "Dropped"),
)
APPROVALS_REQUESTED = counter(
    "approvals_requested_total", Source.COORDINATOR, "Plans that a person was asked to approve."
)
APPROVAL_DURATION = histogram(
    "approval_duration_seconds",
    Source.COORDINATOR,
    "From asking a person to the decision, or to the end of the wait.",
    buckets=SLOW,
    decision=tuple(e.value for e in ApprovalEnd),
)
STEPS = counter(
    "steps_total",
    Source.EXECUTOR,
    "Steps of plans that the executor carried out, or did not.",
    action=ACTIONS,
    outcome=tuple(o.value for o in StepOutcome),
)
GUARD_REFUSALS = counter(
    "guard_refusals_total",
    Source.DECIDING,
    "Plans that a guard did not allow: refused for good (as the executor sees it), or waiting until it may allow them "
    "(before the vote as the coordinator sees it, after it as the executor does).",
    guard="name of the guard",
    reason="reason code of the guard",
    effect=tuple(e.value for e in Effect),
)
VERIFICATION_RESULTS = counter(
    "verification_results_total",
    Source.COORDINATOR,
    "Attempts that were measured. Missing data is Inconclusive.",
    result=tuple(r.value for r in CheckResult),
)
UNDO_RESULTS = counter(
    "undo_results_total",
    Source.COORDINATOR,
    "Attempts that were to be taken back. Failed: the target does not show the old values, or nobody can tell.",
    result=tuple(r.value for r in UndoResult),
)
CIRCUIT_BREAKER_STATE = gauge(
    "circuit_breaker_state",
    Source.EXECUTOR,
    "1 for the state that the circuit breaker is in, read every 30 seconds. Tripped refuses every write until a person "
    "closes it.",
    state=("Closed", "Tripped"),
)
