"""What the gateway tells Prometheus. No label has a value that comes from outside."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from incident_commander.adapters.instruments import gateway
from incident_commander.adapters.instruments.instrument import begin


class GatewayMetrics:
    """The metrics of one gateway, in a registry of its own or the given one."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        made = self.registry = registry if registry is not None else CollectorRegistry()
        self.requests = gateway.GATEWAY_REQUESTS.make(made)
        self.seconds = gateway.GATEWAY_SECONDS.make(made)
        self.alerts = gateway.GATEWAY_ALERTS.make(made)
        self.truncated = gateway.GATEWAY_TRUNCATED.make(made)
        self.skewed = gateway.GATEWAY_SKEWED.make(made)
        self.commits = gateway.GATEWAY_COMMITS.make(made)
        self.commit_seconds = gateway.GATEWAY_COMMIT_SECONDS.make(made)
        self.commit_alerts = gateway.GATEWAY_COMMIT_ALERTS.make(made)
        self.conflicts = gateway.GATEWAY_CONFLICTS.make(made)
        self.storm_alerts = gateway.GATEWAY_STORM_ALERTS.make(made)
        self.storms = gateway.GATEWAY_STORMS.make(made)
        self.pending_bytes = gateway.GATEWAY_PENDING_BYTES.make(made)
        self.pending_requests = gateway.GATEWAY_PENDING_REQUESTS.make(made)
        begin(self.requests, gateway.GATEWAY_REQUESTS)
        begin(self.alerts, gateway.GATEWAY_ALERTS)
        begin(self.skewed, gateway.GATEWAY_SKEWED)
        begin(self.commits, gateway.GATEWAY_COMMITS)

    def exposition(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self.registry)
