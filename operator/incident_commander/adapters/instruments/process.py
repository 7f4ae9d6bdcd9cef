"""What every process tells of itself."""

from __future__ import annotations

from incident_commander.adapters.instruments.instrument import Source, counter, gauge, histogram

_COMPONENT = "`coordinator`, `executor`, `gateway` or `agent-<name>`"

RECONCILE_DURATION = histogram(
    "reconcile_duration_seconds",
    Source.ALL,
    "One reconcile of one Incident. Retried: the API server gave no usable answer. Crashed: a defect.",
    component=_COMPONENT,
    result=("Done", "Retried", "Crashed", "Cancelled"),
)
QUEUE_WAIT = histogram(
    "queue_wait_seconds",
    Source.ALL,
    "From an Incident being due to being worked on.",
    component=_COMPONENT,
)
QUEUE_DEPTH = gauge("queue_depth", Source.ALL, "Incidents that are due and not yet worked on.", component=_COMPONENT)
QUEUE_OLDEST = gauge(
    "queue_oldest_age_seconds",
    Source.ALL,
    "How long the Incident that waits longest has been due; 0 when none waits.",
    component=_COMPONENT,
)
QUEUE_LONGEST_RUNNING = gauge(
    "queue_longest_running_seconds",
    Source.ALL,
    "How long the longest reconcile has been running; 0 when idle. 300 makes the process not live.",
    component=_COMPONENT,
)
API_REQUESTS = counter(
    "api_requests_total",
    Source.ALL,
    "Requests to the API server; code 0 is no answer at all. Watches are not counted.",
    component=_COMPONENT,
    verb=("GET", "POST", "PATCH", "DELETE"),
    code="HTTP status code, or 0",
)
API_LATENCY = histogram(
    "api_request_duration_seconds",
    Source.ALL,
    "Requests to the API server.",
    component=_COMPONENT,
    verb=("GET", "POST", "PATCH", "DELETE"),
)
PROMETHEUS_LATENCY = histogram(
    "prometheus_query_duration_seconds",
    Source.ALL,
    "Queries of the configured Prometheus. Failed: no usable answer, so the evidence has a gap.",
    result=("Answered", "Failed"),
)
LEASE_HELD = gauge(
    "lease_held", Source.ALL, "1 while this process holds the Lease of its component.", component=_COMPONENT
)
BUILD_INFO = gauge(
    "build_info",
    Source.ALL,
    "Always 1; the labels say what runs.",
    version="version of Incident Commander",
    python_version="version of Python",
)
