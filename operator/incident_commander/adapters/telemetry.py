"""The operator's own metrics. All of them are named here, so that dashboards and alerts have one place to look.

Base units; no label ever carries the name of an object. ``component`` is the process' part: ``coordinator``,
``executor``, ``gateway`` or ``agent-<role>``.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_PREFIX = "incident_commander"
_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SLOW = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)


class PrometheusTelemetry:
    """``ports.Telemetry`` on a registry, and the metrics of queue, API requests, leases and heartbeats."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"{_PREFIX}_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"{_PREFIX}_{name}", text, labels, buckets=buckets, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"{_PREFIX}_{name}", text, labels, registry=registry)

        self._phases = counter("phase_transitions_total", "Phase changes of Incidents.", "from_phase", "to_phase")
        self._ended = histogram(
            "incident_duration_seconds", "From an Incident's start to its end, by outcome.", _SLOW, "outcome"
        )
        self._statements = counter("statements_total", "Signed statements that agents wrote.", "role", "type")
        self._refused = counter(
            "statements_refused_total", "Statements and votes that did not count.", "role", "reason"
        )
        self._votes = counter("votes_total", "Votes cast.", "role", "decision", "reason")
        self._rounds = histogram("round_duration_seconds", "From opening a round to its end.", _FAST, "decision")
        self._quarantines = counter("agent_quarantines_total", "Agents that lost their vote.", "role", "offence")
        self._guards = counter("guard_refusals_total", "Writes that a guard did not allow.", "guard", "reason")
        self._steps = counter("steps_total", "Steps of plans that came to an end.", "action", "outcome")
        self._verified = counter("verification_results_total", "Measured attempts.", "result")
        self._reconciles = histogram("reconcile_duration_seconds", "One reconcile.", _FAST, "component", "result")
        self._waits = histogram("queue_wait_seconds", "From being due to being worked on.", _FAST, "component")
        self._depth = gauge("queue_depth", "Incidents that are due and not yet worked on.", "component")
        self._requests = counter("api_requests_total", "Requests to the API server.", "component", "verb", "code")
        self._latency = histogram(
            "api_request_duration_seconds", "Requests to the API server.", _FAST, "component", "verb"
        )
        self._leader = gauge("lease_held", "1 while this process holds the Lease of its component.", "component")

    def phase_changed(self, from_phase: str, to_phase: str) -> None:
        """See ``ports.Telemetry``."""
        self._phases.labels(from_phase, to_phase).inc()

    def incident_ended(self, outcome: str, seconds: float) -> None:
        """See ``ports.Telemetry``."""
        self._ended.labels(outcome).observe(seconds)

    def statement_made(self, role: str, type_: str) -> None:
        """See ``ports.Telemetry``."""
        self._statements.labels(role, type_).inc()

    def statement_refused(self, role: str, reason: str) -> None:
        """See ``ports.Telemetry``."""
        self._refused.labels(role, reason).inc()

    def vote_cast(self, role: str, decision: str, reason: str) -> None:
        """See ``ports.Telemetry``."""
        self._votes.labels(role, decision, reason).inc()

    def round_decided(self, decision: str, seconds: float) -> None:
        """See ``ports.Telemetry``."""
        self._rounds.labels(decision).observe(seconds)

    def agent_quarantined(self, role: str, offence: str) -> None:
        """See ``ports.Telemetry``."""
        self._quarantines.labels(role, offence).inc()

    def guard_refused(self, guard: str, reason: str) -> None:
        """See ``ports.Telemetry``."""
        self._guards.labels(guard, reason).inc()

    def step_finished(self, action: str, outcome: str) -> None:
        """See ``ports.Telemetry``."""
        self._steps.labels(action, outcome).inc()

    def verified(self, result: str) -> None:
        """See ``ports.Telemetry``."""
        self._verified.labels(result).inc()

    def reconciled(self, component: str, result: str, seconds: float) -> None:
        """One reconcile ended: ``Done``, ``Retried`` (a ClusterError) or ``Crashed`` (a defect)."""
        self._reconciles.labels(component, result).observe(seconds)

    def waited(self, component: str, seconds: float, depth: int) -> None:
        """A key was taken from the queue ``seconds`` after it was due; ``depth`` others are due."""
        self._waits.labels(component).observe(seconds)
        self._depth.labels(component).set(depth)

    def requested(self, component: str, verb: str, status: int, seconds: float) -> None:
        """One request to the API server ended; ``status`` 0 is none at all."""
        self._requests.labels(component, verb, str(status)).inc()
        self._latency.labels(component, verb).observe(seconds)

    def lease(self, component: str, held: bool) -> None:
        """Whether this process holds its component's Lease."""
        self._leader.labels(component).set(held)
