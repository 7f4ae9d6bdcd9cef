"""For those who run it: rates, latencies per stage, queues, API requests, errors, heartbeats, resources."""

from __future__ import annotations

from charts.dashboards.panel import Dashboard, Panel, Row, Target, Unit
from charts.dashboards.processes import PROCESSES
from charts.dashboards.promql import most, or_zero, quantile, rate, recent, select
from incident_commander.adapters.instruments import consensus, gateway, incidents

OPERATIONS = Dashboard(
    uid="incident-commander-operations",
    title="Incident Commander / Operations",
    description="Rates, latencies per stage, queues, API requests, errors, heartbeats and resource use of its "
    "processes.",
    since="now-6h",
    rows=(
        Row(
            "Intake",
            (
                Panel(
                    "Notifications by answer",
                    "POSTs of Alertmanager. 5xx are sent again, 4xx are not.",
                    Unit.REQUESTS,
                    [Target(rate(gateway.GATEWAY_REQUESTS, ("code",)), "{{code}}")],
                    width=8,
                ),
                Panel(
                    "Time to acknowledge",
                    "From the headers of a notification to its answer; 200 means that every alert is stored.",
                    Unit.SECONDS,
                    [
                        Target(quantile(0.5, gateway.GATEWAY_SECONDS), "p50"),
                        Target(quantile(0.99, gateway.GATEWAY_SECONDS), "p99"),
                    ],
                    width=8,
                ),
                Panel(
                    "Alerts by what became of them",
                    "Created and Joined are new; Unchanged was sent again; Counted did not fit into the "
                    "Incident's list.",
                    Unit.SHORT,
                    [Target(recent(gateway.GATEWAY_ALERTS, ("fate",)), "{{fate}}")],
                    width=8,
                    stack=True,
                ),
                Panel(
                    "Storms",
                    "Namespaces whose new targets get no Incident of their own, and Incidents that stand for a storm.",
                    Unit.SHORT,
                    [
                        Target(most(gateway.GATEWAY_STORMS), "namespaces"),
                        Target(most(incidents.OPEN_STORMS), "open Incidents"),
                        Target(recent(gateway.GATEWAY_STORM_ALERTS), "alerts counted for a storm"),
                    ],
                    width=8,
                ),
                Panel(
                    "In flight",
                    "Notifications that are being read or stored. New ones are refused with 503 beyond a limit.",
                    Unit.SHORT,
                    [Target(f"sum({select(gateway.GATEWAY_PENDING_REQUESTS)})", "notifications")],
                    width=8,
                ),
                Panel(
                    "Writes of alerts",
                    "Batches by result; writes that lost a race against another replica; alerts with wrong times.",
                    Unit.PER_SECOND,
                    [
                        Target(rate(gateway.GATEWAY_COMMITS, ("result",)), "{{result}}"),
                        Target(rate(gateway.GATEWAY_CONFLICTS), "conflicts"),
                        Target(rate(gateway.GATEWAY_SKEWED, ("field",)), "alerts with a {{field}} that cannot be"),
                    ],
                    width=8,
                ),
            ),
        ),
        Row(
            "Incidents",
            (
                Panel(
                    "Open Incidents by phase",
                    "What the coordinator's watch sees.",
                    Unit.SHORT,
                    [Target(most(incidents.OPEN_INCIDENTS, ("phase",)), "{{phase}}")],
                    width=8,
                    stack=True,
                ),
                Panel(
                    "Longest in each phase",
                    "Every phase has a deadline; only people and verification may take longer than half an hour.",
                    Unit.SECONDS,
                    [Target(most(incidents.OPEN_INCIDENT_AGE, ("phase",)), "{{phase}}")],
                    width=8,
                ),
                Panel(
                    "Time in each phase (p90)",
                    "Nine of ten Incidents left the phase sooner, over the last hour. A phase that nobody left "
                    "has no value.",
                    Unit.SECONDS,
                    [Target(quantile(0.9, incidents.PHASE_DURATION, ("phase",), window="1h"), "{{phase}}")],
                    width=8,
                ),
                Panel(
                    "Phase changes",
                    "Where Incidents go.",
                    Unit.SHORT,
                    [Target(or_zero(recent(incidents.PHASE_TRANSITIONS, ("to_phase",))), "to {{to_phase}}")],
                    stack=True,
                ),
                Panel(
                    "Time to a decision",
                    "From opening a round of voting to its decision, over the last hour.",
                    Unit.SECONDS,
                    [
                        Target(quantile(0.5, consensus.ROUND_DURATION, window="1h"), "p50"),
                        Target(quantile(0.9, consensus.ROUND_DURATION, window="1h"), "p90"),
                    ],
                ),
            ),
        ),
        *PROCESSES,
    ),
)
