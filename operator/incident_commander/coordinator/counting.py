"""What one transition means for the operator's own metrics."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime

from incident_commander.api.conditions import ConditionType, find_condition
from incident_commander.api.incident import CheckResult, Incident, IncidentStatus, Outcome, Phase, RoundDecision
from incident_commander.api.reasons import Reason
from incident_commander.api.statement import Decision
from incident_commander.coordinator.transition import Transition
from incident_commander.coordinator.view import View
from incident_commander.ports import Telemetry

REMEMBERED = 4096
_RECOVERED = frozenset({Outcome.REMEDIATED, Outcome.PREVENTED, Outcome.SELF_HEALED})
_HELD_UP = frozenset({Reason.FREEZE_WINDOW, Reason.HELD_UP})
_DECIDED = {
    RoundDecision.CERTIFIED: Decision.APPROVE,
    RoundDecision.REJECTED: Decision.REJECT,
    RoundDecision.STALE: Decision.REJECT,
}


class Counting:
    """Remembers when Incidents entered their phase; after a restart the phase they are in is not measured."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._entered: OrderedDict[str, tuple[Phase, datetime]] = OrderedDict()

    def count(self, incident: Incident, transition: Transition, view: View) -> None:
        """A transition that was stored."""
        before, after = incident.status, transition.status
        if before.phase is not after.phase:
            self._phase(incident, after, view.now)
        if not before.hypotheses and after.hypotheses:
            self._telemetry.diagnosed([h.cause.value for h in after.hypotheses], len(after.gaps))
        measured = after.verification.result if after.verification is not None else None
        if measured is not None and (before.verification is None or before.verification.result is None):
            self._telemetry.verified(measured.value)
        if before.phase is Phase.ROLLING_BACK and after.phase is not Phase.ROLLING_BACK:
            undone = after.verification is not None and after.verification.undo_checked is CheckResult.PASS
            self._telemetry.undone("Undone" if undone else "Failed")
        roles = {agent.metadata.name: agent.spec.role.value for agent in view.agents}
        decision = after.consensus.decision
        if decision is not before.consensus.decision and decision is not RoundDecision.OUTDATED:
            self._round(after, view.now)
            for agent in transition.silent:
                self._telemetry.dissented(roles.get(agent, "unknown"), "Silent")
        self._refusals(transition, roles)
        self._held_up(before, after, view)
        self._approval(incident, after, view.now)
        self._end(incident, after, view.now)

    def _phase(self, incident: Incident, after: IncidentStatus, now: datetime) -> None:
        uid, before = incident.metadata.uid, incident.status
        phase, since = self._entered.pop(uid, (None, None))
        if before.phase is Phase.PENDING:
            since = incident.metadata.creation_timestamp
            self._telemetry.incident_opened(incident.spec.severity.value)
        elif phase is not before.phase:
            since = None
        seconds = max(0.0, (now - since).total_seconds()) if since is not None and not before.phase.terminal else None
        self._telemetry.phase_changed(before.phase.value, after.phase.value, seconds)
        if not after.phase.terminal:
            self._entered[uid] = (after.phase, now)
            while len(self._entered) > REMEMBERED:
                self._entered.popitem(last=False)

    def _round(self, after: IncidentStatus, now: datetime) -> None:
        consensus = after.consensus
        if consensus.decision is RoundDecision.OPEN or consensus.opened_at is None:
            return
        self._telemetry.round_decided(consensus.decision.value, (now - consensus.opened_at).total_seconds())
        decided = _DECIDED.get(consensus.decision)
        for vote in consensus.votes:
            if decided is not None and vote.decision is not decided:
                self._telemetry.dissented(vote.role, vote.decision.value)

    def _refusals(self, transition: Transition, roles: Mapping[str, str]) -> None:
        for suspicion in transition.suspicions:
            self._telemetry.statement_refused(roles.get(suspicion.agent, "unknown"), suspicion.offence.value)
        for agent in transition.silent:
            self._telemetry.statement_refused(roles.get(agent, "unknown"), "Silent")

    def _held_up(self, before: IncidentStatus, after: IncidentStatus, view: View) -> None:
        """A plan that is not put to the vote for now: once for each thing that it waits for."""
        found = find_condition(after.conditions, ConditionType.CONSENSUS_REACHED)
        known = find_condition(before.conditions, ConditionType.CONSENSUS_REACHED)
        proposal = view.proposal
        if found is None or found.reason not in _HELD_UP or proposal is None or proposal.hold is None:
            return
        if known is None or (known.reason, known.message) != (found.reason, found.message):
            self._telemetry.guard_refused(proposal.hold.guard, proposal.hold.reason, "Waiting")

    def _approval(self, incident: Incident, after: IncidentStatus, now: datetime) -> None:
        before = incident.status
        if after.phase is before.phase:
            return
        if after.phase is Phase.AWAITING_APPROVAL:
            self._telemetry.approval_requested()
        if before.phase is not Phase.AWAITING_APPROVAL:
            return
        asked = (e.at for e in reversed(before.timeline) if e.reason == Reason.APPROVAL_REQUIRED)
        since = next(asked, None) or before.started_at or now
        end = "Approved" if after.phase is Phase.EXECUTING else str(after.outcome)
        decision = end if end in ("Approved", Outcome.REJECTED, Outcome.EXPIRED) else "Overtaken"
        self._telemetry.approval_ended(decision, (now - since).total_seconds())

    def _end(self, incident: Incident, after: IncidentStatus, now: datetime) -> None:
        if after.outcome is None or incident.status.outcome is after.outcome:
            return
        created = incident.metadata.creation_timestamp or after.started_at or now
        self._telemetry.incident_ended(
            after.outcome.value,
            incident.spec.severity.value,
            after.cause or "Unknown",
            (now - created).total_seconds(),
        )
        if after.outcome in _RECOVERED:
            firing = min((alert.starts_at for alert in incident.spec.alerts), default=created)
            self._telemetry.recovered(after.outcome.value, max(0.0, (now - firing).total_seconds()))
