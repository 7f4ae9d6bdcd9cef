"""What the gateway tells of the alerts that it receives."""

from __future__ import annotations

from incident_commander.adapters.instruments.instrument import Source, counter, gauge, histogram

GATEWAY_REQUESTS = counter(
    "gateway_requests_total",
    Source.GATEWAY,
    "POSTs of alerts answered, by status code.",
    code=("200", "400", "401", "403", "408", "411", "413", "500", "503"),
)
GATEWAY_SECONDS = histogram(
    "gateway_request_duration_seconds", Source.GATEWAY, "From the headers of a POST to its answer."
)
GATEWAY_ALERTS = counter(
    "gateway_alerts_total",
    Source.GATEWAY,
    "Alerts acknowledged, by what became of them.",
    fate=("Created", "Joined", "Updated", "Resolved", "Counted", "Unchanged", "AlreadyOver"),
)
GATEWAY_TRUNCATED = counter(
    "gateway_truncated_alerts_total", Source.GATEWAY, "Alerts that Alertmanager said it left out."
)
GATEWAY_SKEWED = counter(
    "gateway_skewed_alerts_total",
    Source.GATEWAY,
    "Alerts with a time that cannot be (more than five minutes ahead, or an end before the start), by field.",
    field=("startsAt", "endsAt"),
)
GATEWAY_COMMITS = counter(
    "gateway_commits_total",
    Source.GATEWAY,
    "Batches of alerts of one target, by result.",
    result=("stored", "failed"),
)
GATEWAY_COMMIT_SECONDS = histogram(
    "gateway_commit_duration_seconds", Source.GATEWAY, "From taking a batch to it being stored."
)
GATEWAY_COMMIT_ALERTS = histogram(
    "gateway_commit_alerts",
    Source.GATEWAY,
    "Alerts that share one write.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)
GATEWAY_CONFLICTS = counter("gateway_conflicts_total", Source.GATEWAY, "Writes that lost a race and were decided anew.")
GATEWAY_STORM_ALERTS = counter(
    "gateway_storm_alerts_total", Source.GATEWAY, "Alerts handed to the Incident of a storm."
)
GATEWAY_PENDING_BYTES = gauge("gateway_pending_bytes", Source.GATEWAY, "Bytes of bodies that are being read or stored.")
GATEWAY_PENDING_REQUESTS = gauge("gateway_pending_requests", Source.GATEWAY, "POSTs of alerts in flight.")
GATEWAY_STORMS = gauge(
    "gateway_storms", Source.GATEWAY, "Namespaces whose new targets get no Incident of their own now."
)
