"""When plans are asked for, and how many fit into a statement. Pure."""

from __future__ import annotations

from incident_agents.agent import Case
from incident_agents.refusals import Objection
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Incident
from incident_commander.api.runbook import Runbook
from incident_commander.api.statement import Diagnosis, Hold, Hypothesis, Proposal
from incident_commander.consensus.canonical import canonical_json
from incident_commander.planning.planner import Candidates

LARGEST_PROPOSAL = 40_000
"""Bytes of canonical JSON. Base64 makes four of three, and an envelope has 65,536 characters."""


def wanted(case: Case, min_confidence: int) -> list[Hypothesis]:
    """The hypotheses to plan for, or none when there is nothing (new) to propose.

    A proposal answers one planning serial. While the Incident is still being diagnosed, a later diagnosis asks anew;
    one that is held up is looked at again until it no longer is.
    """
    diagnosis = case.diagnosis()
    if diagnosis is None or not case.incident.status.planning_serial:
        return []
    if not _confident(diagnosis, min_confidence):
        return []
    before = case.proposal()
    if before is None or case.own is None or before.serial != case.incident.status.planning_serial:
        return list(diagnosis.hypotheses)
    if before.hold is not None:
        return list(diagnosis.hypotheses)
    newer = any(s.body is diagnosis and s.issued_at > case.own.issued_at for s in case.statements.values())
    return list(diagnosis.hypotheses) if newer else []


def merged(installed: list[Runbook], packaged: list[Runbook]) -> list[Runbook]:
    """Runbooks of the API server, and those of the package whose name nobody has taken."""
    names = {runbook.metadata.name for runbook in installed}
    return [*installed, *(r for r in packaged if r.metadata.name not in names)]


def proposal(incident: Incident, found: Candidates, held: Objection | None = None) -> Proposal:
    """As many of the best plans as fit. ``held``: what stands in the way of the first for now."""
    plans = list(found.plans)
    hold = None
    if held is not None and held.until is not None:
        hold = Hold(guard=held.guard, reason=held.reason, message=held.message[:1024], until=held.until)
    while True:
        serial = incident.status.planning_serial
        said = Proposal(serial=serial, plans=plans, message=found.message[:1024], hold=hold)
        if not plans or len(canonical_json(said.to_json())) <= LARGEST_PROPOSAL:
            return said
        plans.pop()


def says_the_same(said: Proposal, before: Proposal | None) -> bool:
    """Whether a proposal that is held up still is, by the same guard: nothing new, and not worth a write."""
    if before is None or before.serial != said.serial or before.hold is None or said.hold is None:
        return False
    return (before.hold.guard, before.hold.reason) == (said.hold.guard, said.hold.reason)


def _confident(diagnosis: Diagnosis, least: int) -> bool:
    top = diagnosis.hypotheses[0] if diagnosis.hypotheses else None
    return top is not None and top.cause is not Cause.UNKNOWN and top.confidence >= least
