"""The page about metrics: which ones a diagnosis understands, asked of the code that reads them."""

from __future__ import annotations

from incident_agents.diagnosis.measures import Measure, measure_of
from incident_agents.diagnosis.recordings import readings
from incident_agents.diagnosis.subjects import NODE_LABELS, PLACE_LABELS, WORKLOAD_LABELS
from incident_commander.ports import Series

_HEAD = """\
# Metrics that a diagnosis understands

Made by `make generate`; do not edit. Each row was asked of the code that reads [recordings](../bundles.md): a metric of
these names, counted and timed as its exporter does, becomes the measures in the last column, for the workload or the
node that its labels name.

A recording may hold whatever was scraped, under any file name. What is listed here as a histogram is read from its
`_bucket`, or better its `_sum` and `_count`; any other metric of requests with such parts, or with the label
`quantile`, is read the same way.
"""
_BY_NAME = """
## By the words of a name

A metric that is none of the above is taken as a value and compared with its own history, when its name tells what it
measures. Names of limits, requests of resources, capacities, quotas and of what is left are not read. Examples:

| metric | measure |
|---|---|
"""
_LABELS = """
## Whom a series is about

The first of these labels that names something in the recording decides; a name may be that of a workload, a pod or a
Service.

| of | labels |
|---|---|
"""
_HISTOGRAMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Micrometer, Spring Boot", ("http_server_requests_seconds",)),
    (
        "OpenTelemetry",
        (
            "http_server_request_duration_seconds",
            "http_server_duration_milliseconds",
            "rpc_server_duration_milliseconds",
        ),
    ),
    ("Prometheus client libraries", ("http_request_duration_seconds", "flask_http_request_duration_seconds")),
    ("ASP.NET Core", ("http_request_duration_seconds", "http_server_request_duration_seconds")),
    ("gRPC", ("grpc_server_handling_seconds",)),
    ("Istio", ("istio_request_duration_milliseconds",)),
    ("Linkerd", ("response_latency_ms",)),
    ("Envoy", ("envoy_cluster_upstream_rq_time",)),
    ("ingress-nginx", ("nginx_ingress_controller_request_duration_seconds",)),
    ("Traefik", ("traefik_service_request_duration_seconds",)),
)
_COUNTERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Istio", ("istio_requests_total",)),
    ("Linkerd", ("response_total",)),
    ("gRPC", ("grpc_server_handled_total",)),
    ("ingress-nginx", ("nginx_ingress_controller_requests",)),
    ("Traefik", ("traefik_service_requests_total",)),
    ("Prometheus client libraries", ("http_requests_total",)),
    ("cAdvisor", ("container_cpu_usage_seconds_total", "container_cpu_cfs_throttled_periods_total")),
    (
        "node_exporter",
        (
            "node_cpu_seconds_total",
            "node_disk_io_time_seconds_total",
            "node_pressure_io_waiting_seconds_total",
            "node_netstat_Tcp_RetransSegs",
            "node_network_receive_drop_total",
            "node_network_transmit_errs_total",
        ),
    ),
)
_NAMED = (
    "container_memory_working_set_bytes",
    "process_resident_memory_bytes",
    "node_memory_MemAvailable_bytes",
    "kafka_consumergroup_lag",
    "kafka_consumer_fetch_manager_records_lag_max",
    "rabbitmq_queue_messages_ready",
    "mysql_slave_status_seconds_behind_master",
    "pg_replication_lag_seconds",
    "redis_connected_slaves",
    "hikaricp_connections_pending",
    "http_client_request_duration_seconds_max",
    "kubelet_volume_stats_used_bytes",
)
_LABELLED = {"le": "+Inf", "mode": "user", "cpu": "0", "code": "500", "pod": "p", "container": "c"}


def page() -> str:
    """Markdown."""
    parts = [_HEAD, "\n## Histograms of requests\n\n", _table(_HISTOGRAMS, histogram=True)]
    parts += ["\n## Counters\n\n", _table(_COUNTERS, histogram=False), _BY_NAME]
    parts += [f"| `{name}` | {_measure(measure_of(name))} |\n" for name in _NAMED]
    parts.append(_LABELS)
    for of, labels in (
        ("workloads", WORKLOAD_LABELS),
        ("nodes (a port behind the name is cut off)", NODE_LABELS),
        ("the namespace", PLACE_LABELS),
    ):
        parts.append(f"| {of} | {', '.join(f'`{label}`' for label in labels)} |\n")
    return "".join(parts)


def _table(exporters: tuple[tuple[str, tuple[str, ...]], ...], *, histogram: bool) -> str:
    rows = ["| exporter | metric | measures |\n|---|---|---|\n"]
    for exporter, metrics in exporters:
        rows += [f"| {exporter} | `{metric}` | {_read(metric, histogram=histogram)} |\n" for metric in metrics]
    return "".join(rows)


def _read(metric: str, *, histogram: bool) -> str:
    """What the code makes of a metric that grows steadily."""
    names = [f"{metric}_{part}" for part in ("bucket", "sum", "count")] if histogram else [metric]
    points = tuple((15.0 * n, 3.0 * n) for n in range(8))
    modes = ("user", "idle") if metric == "node_cpu_seconds_total" else ("",)
    recorded = {
        name: [Series({**_LABELLED, "mode": mode}, points) for mode in modes]
        + ([Series({**_LABELLED, "le": "0.5"}, points)] if name.endswith("_bucket") else [])
        for name in names
    }
    found, _ = readings(recorded, lambda _: "Deployment/shop/web")
    units = dict.fromkeys(f"{_measure(reading.measure)} ({reading.unit})" for reading in found)
    return ", ".join(units) or _measure(measure_of(metric))


def _measure(measure: Measure | None) -> str:
    words = {Measure.REPLICATION_LAG: "replication lag", Measure.CPU: "CPU"}
    return "none" if measure is None else words.get(measure, measure.value.lower())
