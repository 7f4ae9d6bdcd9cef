"""The rows of the operations dashboard about its processes: queues, requests, heartbeats, resources."""

from __future__ import annotations

from charts.dashboards.panel import Panel, Row, Target, Unit
from charts.dashboards.promql import most, or_zero, quantile, rate, select
from incident_commander.adapters.instruments import consensus, process

_PODS = 'namespace=~"$namespace", container!="", pod=~".*(gateway|coordinator|executor|agent-|all-in-one).*"'
_ERRORS = 'code=~"4..|5..|0", code!="404", code!="409"'
_WRITES = 'verb!="GET"'


_CPU = (
    f"rate({select('process_cpu_seconds_total')}[$__rate_interval]) and on (instance, job) {select(process.BUILD_INFO)}"
)


def _own(metric: str) -> str:
    """A metric that any Python process has, of ours only."""
    return f"{select(metric)} and on (instance, job) {select(process.BUILD_INFO)}"


def _by_component(title: str, description: str, expr: str, unit: Unit, *, width: int = 8) -> Panel:
    return Panel(title, description, unit, [Target(expr, "{{component}}")], width=width)


PROCESSES: tuple[Row, ...] = (
    Row(
        "Queues and reconciles",
        (
            _by_component(
                "Queue depth",
                "Incidents that are due and not yet worked on.",
                most(process.QUEUE_DEPTH, ("component",)),
                Unit.SHORT,
            ),
            _by_component(
                "Longest waiting",
                "How long the Incident that waits longest has been due.",
                most(process.QUEUE_OLDEST, ("component",)),
                Unit.SECONDS,
            ),
            _by_component(
                "Longest running reconcile",
                "At 300 s the process is not live any more and is restarted.",
                most(process.QUEUE_LONGEST_RUNNING, ("component",)),
                Unit.SECONDS,
            ),
            _by_component(
                "Wait in the queue (p99)",
                "From being due to being worked on, over the last hour.",
                quantile(0.99, process.QUEUE_WAIT, ("component",), window="1h"),
                Unit.SECONDS,
            ),
            _by_component(
                "Reconcile (p99)",
                "One look at one Incident, over the last hour.",
                quantile(0.99, process.RECONCILE_DURATION, ("component",), window="1h"),
                Unit.SECONDS,
            ),
            Panel(
                "Reconciles by result",
                "Retried: the API server gave no usable answer. Crashed: a defect, see the log.",
                Unit.PER_SECOND,
                [
                    Target(
                        or_zero(rate(process.RECONCILE_DURATION, ("component", "result"), end="_count")),
                        "{{component}}: {{result}}",
                    )
                ],
                width=8,
            ),
        ),
    ),
    Row(
        "API server and Prometheus",
        (
            _by_component(
                "Writes",
                "Creates, patches and deletes of each component, dry-runs and Leases included.",
                rate(process.API_REQUESTS, ("component",), _WRITES),
                Unit.REQUESTS,
            ),
            _by_component(
                "Requests",
                "All requests but watches.",
                rate(process.API_REQUESTS, ("component",)),
                Unit.REQUESTS,
            ),
            Panel(
                "Errors",
                "Without 404 and 409, which are answers like others. 0 is no answer at all.",
                Unit.REQUESTS,
                [
                    Target(
                        or_zero(rate(process.API_REQUESTS, ("component", "code"), _ERRORS)),
                        "{{component}}: {{code}}",
                    )
                ],
                width=8,
            ),
            _by_component(
                "Requests (p99)",
                "Time until the API server answers.",
                quantile(0.99, process.API_LATENCY, ("component",)),
                Unit.SECONDS,
            ),
            Panel(
                "Queries of Prometheus",
                "Failed: no usable answer; the evidence has a gap.",
                Unit.REQUESTS,
                [Target(rate(process.PROMETHEUS_LATENCY, ("result",), end="_count"), "{{result}}")],
                width=8,
            ),
            Panel(
                "Queries of Prometheus (p90)",
                "Time until Prometheus answers, over the last hour.",
                Unit.SECONDS,
                [Target(quantile(0.9, process.PROMETHEUS_LATENCY, window="1h"), "p90")],
                width=8,
            ),
        ),
    ),
    Row(
        "Heartbeats and leaders",
        (
            Panel(
                "Heartbeat age of agents",
                "Since an agent last renewed its Lease, by its own clock; it does so every 5 s, and the "
                "coordinator looks "
                "every 30 s.",
                Unit.SECONDS,
                [Target(f"time() - {most(consensus.AGENT_HEARTBEAT, ('agent',))}", "{{agent}}")],
                width=8,
                lowest=None,
            ),
            Panel(
                "Leases held",
                "Processes that lead or speak, by component: 1 each. 0 is nobody.",
                Unit.SHORT,
                [Target(f"sum by (component) ({select(process.LEASE_HELD)})", "{{component}}")],
                width=8,
            ),
            Panel(
                "What runs",
                "Processes by version. Two versions for longer than an upgrade takes are one too many.",
                Unit.SHORT,
                [
                    Target(
                        f"count by (version, python_version) ({select(process.BUILD_INFO)})",
                        "{{version}} (Python {{python_version}})",
                        instant=True,
                    )
                ],
                "table",
                8,
                decimals=0,
            ),
        ),
    ),
    Row(
        "Resources",
        (
            Panel(
                "CPU by process",
                "As the processes measure themselves.",
                Unit.CORES,
                [Target(f"sum by (pod, instance) ({_CPU})", "{{pod}} {{instance}}")],
                width=8,
            ),
            Panel(
                "Resident memory by process",
                "As the processes measure themselves.",
                Unit.BYTES,
                [Target(f"sum by (pod, instance) ({_own('process_resident_memory_bytes')})", "{{pod}} {{instance}}")],
                width=8,
            ),
            Panel(
                "Open files by process",
                "Connections included.",
                Unit.SHORT,
                [Target(f"sum by (pod, instance) ({_own('process_open_fds')})", "{{pod}} {{instance}}")],
                width=8,
            ),
            Panel(
                "Memory of the containers",
                "Working set, by which the kernel judges. Needs cAdvisor.",
                Unit.BYTES,
                [Target(f"max by (pod) (container_memory_working_set_bytes{{{_PODS}}})", "{{pod}}")],
            ),
            Panel(
                "CPU of the containers",
                "Needs cAdvisor.",
                Unit.CORES,
                [
                    Target(
                        f"sum by (pod) (rate(container_cpu_usage_seconds_total{{{_PODS}}}[$__rate_interval]))",
                        "{{pod}}",
                    )
                ],
            ),
        ),
    ),
)
