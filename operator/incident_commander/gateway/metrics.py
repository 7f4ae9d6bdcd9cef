"""What the gateway tells Prometheus. No label has a value that comes from outside."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_PREFIX = "incident_commander_gateway"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class GatewayMetrics:
    """The metrics of one gateway, in a registry of its own or the given one."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self.requests = Counter(
            f"{_PREFIX}_requests", "POSTs of alerts answered, by status code.", ["code"], registry=self.registry
        )
        self.seconds = Histogram(
            f"{_PREFIX}_request_duration_seconds",
            "From the headers of a POST to its answer.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.alerts = Counter(
            f"{_PREFIX}_alerts", "Alerts acknowledged, by what became of them.", ["fate"], registry=self.registry
        )
        self.truncated = Counter(
            f"{_PREFIX}_truncated_alerts", "Alerts that Alertmanager said it left out.", registry=self.registry
        )
        self.commits = Counter(
            f"{_PREFIX}_commits", "Batches of alerts of one target, by result.", ["result"], registry=self.registry
        )
        self.commit_seconds = Histogram(
            f"{_PREFIX}_commit_duration_seconds",
            "From taking a batch to it being stored.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.commit_alerts = Histogram(
            f"{_PREFIX}_commit_alerts",
            "Alerts that share one write.",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
            registry=self.registry,
        )
        self.conflicts = Counter(
            f"{_PREFIX}_conflicts", "Writes that lost a race and were decided anew.", registry=self.registry
        )
        self.storm_alerts = Counter(
            f"{_PREFIX}_storm_alerts", "Alerts handed to the Incident of a storm.", registry=self.registry
        )
        self.pending_bytes = Gauge(f"{_PREFIX}_pending_bytes", "Bodies being read or stored.", registry=self.registry)
        self.pending_requests = Gauge(f"{_PREFIX}_pending_requests", "POSTs in flight.", registry=self.registry)

    def exposition(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
