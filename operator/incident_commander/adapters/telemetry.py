"""The operator's own metrics on a registry. What there is and what it means is declared in ``instruments``."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry

from incident_commander.adapters.instruments import consensus, incidents, process
from incident_commander.adapters.instruments.instrument import begin
from incident_commander.ports import Telemetry


class Queue(Protocol):
    """What is asked of a queue when it is scraped."""

    def depth(self) -> int:
        """How many are due."""
        ...

    def oldest_seconds(self) -> float:
        """How long the one that waits longest has been due."""
        ...

    def busiest_seconds(self) -> float:
        """How long the longest reconcile has been running."""
        ...


class PrometheusTelemetry(Telemetry):
    """``ports.Telemetry`` on a registry, and the metrics of queues, API requests, queries and Leases.

    ``component`` is the process' part: ``coordinator``, ``executor``, ``gateway`` or ``agent-<name>``.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._opened = incidents.INCIDENTS_OPENED.make(registry)
        self._ended = incidents.INCIDENTS_ENDED.make(registry)
        self._causes = incidents.INCIDENT_CAUSES.make(registry)
        self._lasted = incidents.INCIDENT_DURATION.make(registry)
        self._recovered = incidents.RECOVERY_DURATION.make(registry)
        self._phases = incidents.PHASE_TRANSITIONS.make(registry)
        self._phase_seconds = incidents.PHASE_DURATION.make(registry)
        self._steps = incidents.STEPS.make(registry)
        self._guards = incidents.GUARD_REFUSALS.make(registry)
        self._verified = incidents.VERIFICATION_RESULTS.make(registry)
        self._undone = incidents.UNDO_RESULTS.make(registry)
        self._notified = incidents.NOTIFICATIONS.make(registry)
        self._approvals_requested = incidents.APPROVALS_REQUESTED.make(registry)
        self._approvals = incidents.APPROVAL_DURATION.make(registry)
        self._hypotheses = consensus.HYPOTHESES.make(registry)
        self._gaps = consensus.DIAGNOSIS_GAPS.make(registry)
        self._statements = consensus.STATEMENTS.make(registry)
        self._refused = consensus.STATEMENTS_REFUSED.make(registry)
        self._votes = consensus.VOTES.make(registry)
        self._dissents = consensus.DISSENTS.make(registry)
        self._rounds = consensus.ROUND_DURATION.make(registry)
        self._quarantines = consensus.AGENT_QUARANTINES.make(registry)
        self._reconciles = process.RECONCILE_DURATION.make(registry)
        self._waits = process.QUEUE_WAIT.make(registry)
        self._depth = process.QUEUE_DEPTH.make(registry)
        self._oldest = process.QUEUE_OLDEST.make(registry)
        self._running = process.QUEUE_LONGEST_RUNNING.make(registry)
        self._requests = process.API_REQUESTS.make(registry)
        self._latency = process.API_LATENCY.make(registry)
        self._queries = process.PROMETHEUS_LATENCY.make(registry)
        self._leader = process.LEASE_HELD.make(registry)
        begin(self._queries, process.PROMETHEUS_LATENCY)

    def built(self, version: str) -> None:
        """What runs here."""
        process.BUILD_INFO.make(self.registry).labels(version, platform.python_version()).set(1)

    def coordinates(self) -> None:
        """Show a coordinator's counters from the start, so that the first event is seen as an increase."""
        begin(self._opened, incidents.INCIDENTS_OPENED)
        begin(self._ended, incidents.INCIDENTS_ENDED)
        begin(self._lasted, incidents.INCIDENT_DURATION)
        begin(self._recovered, incidents.RECOVERY_DURATION)
        begin(self._phase_seconds, incidents.PHASE_DURATION)
        begin(self._verified, incidents.VERIFICATION_RESULTS)
        begin(self._undone, incidents.UNDO_RESULTS)
        begin(self._approvals, incidents.APPROVAL_DURATION)
        begin(self._notified, incidents.NOTIFICATIONS)
        begin(self._hypotheses, consensus.HYPOTHESES)
        begin(self._refused, consensus.STATEMENTS_REFUSED)
        begin(self._dissents, consensus.DISSENTS)
        begin(self._rounds, consensus.ROUND_DURATION)
        begin(self._quarantines, consensus.AGENT_QUARANTINES)

    def works(self, component: str, queue: Queue) -> None:
        """That component has a queue; it is asked whenever the metrics are scraped."""
        self._depth.labels(component).set_function(queue.depth)
        self._oldest.labels(component).set_function(queue.oldest_seconds)
        self._running.labels(component).set_function(queue.busiest_seconds)

    def incident_opened(self, severity: str) -> None:
        """See ``ports.Telemetry``."""
        self._opened.labels(severity).inc()

    def incident_ended(self, outcome: str, severity: str, cause: str, seconds: float) -> None:
        """See ``ports.Telemetry``."""
        self._ended.labels(outcome, severity).inc()
        self._causes.labels(cause, outcome).inc()
        self._lasted.labels(outcome).observe(seconds)

    def recovered(self, outcome: str, seconds: float) -> None:
        """See ``ports.Telemetry``."""
        self._recovered.labels(outcome).observe(seconds)

    def phase_changed(self, from_phase: str, to_phase: str, seconds: float | None) -> None:
        """See ``ports.Telemetry``."""
        self._phases.labels(from_phase, to_phase).inc()
        if seconds is not None:
            self._phase_seconds.labels(from_phase).observe(seconds)

    def diagnosed(self, causes: Sequence[str], gaps: int) -> None:
        """See ``ports.Telemetry``."""
        for place, cause in enumerate(causes):
            self._hypotheses.labels(cause, "Other" if place else "Top").inc()
        self._gaps.inc(gaps)

    def statement_made(self, role: str, type_: str) -> None:
        """See ``ports.Telemetry``."""
        self._statements.labels(role, type_).inc()

    def statement_refused(self, role: str, reason: str) -> None:
        """See ``ports.Telemetry``."""
        self._refused.labels(role, reason).inc()

    def vote_cast(self, role: str, decision: str, reason: str) -> None:
        """See ``ports.Telemetry``."""
        self._votes.labels(role, decision, reason).inc()

    def dissented(self, role: str, decision: str) -> None:
        """See ``ports.Telemetry``."""
        self._dissents.labels(role, decision).inc()

    def round_decided(self, decision: str, seconds: float) -> None:
        """See ``ports.Telemetry``."""
        self._rounds.labels(decision).observe(seconds)

    def agent_quarantined(self, role: str, offence: str) -> None:
        """See ``ports.Telemetry``."""
        self._quarantines.labels(role, offence).inc()

    def approval_requested(self) -> None:
        """See ``ports.Telemetry``."""
        self._approvals_requested.inc()

    def approval_ended(self, decision: str, seconds: float) -> None:
        """See ``ports.Telemetry``."""
        self._approvals.labels(decision).observe(seconds)

    def guard_refused(self, guard: str, reason: str, effect: str) -> None:
        """See ``ports.Telemetry``."""
        self._guards.labels(guard, reason, effect).inc()

    def step_finished(self, action: str, outcome: str) -> None:
        """See ``ports.Telemetry``."""
        self._steps.labels(action, outcome).inc()

    def verified(self, result: str) -> None:
        """See ``ports.Telemetry``."""
        self._verified.labels(result).inc()

    def notified(self, result: str) -> None:
        """See ``ports.Telemetry``."""
        self._notified.labels(result).inc()

    def undone(self, result: str) -> None:
        """See ``ports.Telemetry``."""
        self._undone.labels(result).inc()

    def reconciled(self, component: str, result: str, seconds: float) -> None:
        """One reconcile ended: ``Done``, ``Retried`` (a ClusterError) or ``Crashed`` (a defect)."""
        self._reconciles.labels(component, result).observe(seconds)

    def waited(self, component: str, seconds: float) -> None:
        """A key was taken from the queue ``seconds`` after it was due."""
        self._waits.labels(component).observe(seconds)

    def requested(self, component: str, verb: str, status: int, seconds: float) -> None:
        """One request to the API server ended; ``status`` 0 is none at all."""
        self._requests.labels(component, verb, str(status)).inc()
        self._latency.labels(component, verb).observe(seconds)

    def queried(self, answered: bool, seconds: float) -> None:
        """One query of Prometheus ended."""
        self._queries.labels("Answered" if answered else "Failed").observe(seconds)

    def lease(self, component: str, held: bool) -> None:
        """Whether this process holds its component's Lease."""
        self._leader.labels(component).set(held)
