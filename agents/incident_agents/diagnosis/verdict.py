"""What a diagnosis comes to: a cause, good health, an illness without a known cause, or nothing that can be said."""

from __future__ import annotations

import enum

from incident_agents.diagnosis.alerted import alerted
from incident_agents.diagnosis.case import Case
from incident_commander.api import kinds
from incident_commander.evidence.health import WorkloadHealth


class Verdict(enum.StrEnum):
    """In one word."""

    CAUSE_FOUND = "CauseFound"
    """At least one hypothesis is believed."""
    HEALTHY = "Healthy"
    """All that was asked about is as it should be, and no alert fires about it; what else is listed are suspicions."""
    UNKNOWN = "Unknown"
    """Something is not well, and no cause is believed."""
    INCONCLUSIVE = "Inconclusive"
    """Too little could be read to tell."""


CONFIDENCE = {Verdict.HEALTHY: 10, Verdict.UNKNOWN: 45, Verdict.INCONCLUSIVE: 20}
"""Of the hypothesis ``Unknown`` that says so."""


def without_cause(case: Case, state: WorkloadHealth | None) -> tuple[Verdict, str]:
    """The verdict when no hypothesis is believed, and a sentence about it. ``state``: see ``health``."""
    if not case.evidence.asked(kinds.POD):
        return Verdict.INCONCLUSIVE, "no pods were read, so neither health nor a cause can be told"
    if state is None:
        return Verdict.INCONCLUSIVE, "there is no workload whose health could be judged, and nothing is clearly wrong"
    if state.healthy is None:
        return Verdict.INCONCLUSIVE, f"its health cannot be told: {state.message}"
    if state.healthy and (firing := alerted(case)):
        alert, workload = firing[0]
        more = f" and {len(firing) - 1} more" if len(firing) > 1 else ""
        said = f"alert {alert.name}{more} fires about {workload.ref}, and the evidence names no cause"
        return Verdict.UNKNOWN, f"{said} ({state.message})"
    if state.healthy:
        return Verdict.HEALTHY, state.message
    return Verdict.UNKNOWN, f"not healthy ({state.message}), and the evidence names no cause"
