"""Queries about a namespace and its nodes, whoever is the target: how requests fare, and who is short of what.

Requests are found under the names that client libraries, frameworks, gRPC, Istio, Linkerd, Envoy and ingress-nginx give
them; each answer is a union of what is there, and empty where nobody measures requests. Latency is the mean (sum by
count), because buckets of histograms differ between libraries, and a mean moves with whatever holds requests up.
Series carry ``namespace`` and ``pod``, or the labels by which a mesh or an ingress names a workload; those of nodes
carry ``instance``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from incident_commander.evidence import fields
from incident_commander.evidence.queries import RATE_WINDOW_SECONDS, equals, matches
from incident_commander.ports import Object, Query

MOST_NODES = 20
"""Nodes whose load is asked for."""

_BY_POD = "namespace, pod"
_BY_MESH = "destination_workload_namespace, destination_workload"
_BY_LINKERD = "namespace, deployment"
_BY_INGRESS = "exported_namespace, exported_service, ingress"

_TIMERS: tuple[tuple[str, str, int], ...] = (
    ("http_request_duration_seconds", _BY_POD, 1000),  # client libraries of Go, Node, .NET
    ("http_server_request_duration_seconds", _BY_POD, 1000),  # OpenTelemetry, ASP.NET Core
    ("http_server_requests_seconds", _BY_POD, 1000),  # Micrometer
    ("flask_http_request_duration_seconds", _BY_POD, 1000),
    ("grpc_server_handling_seconds", _BY_POD, 1000),
    ("istio_request_duration_milliseconds", _BY_MESH, 1),
    ("response_latency_ms", _BY_LINKERD, 1),
    ("nginx_ingress_controller_request_duration_seconds", _BY_INGRESS, 1000),
    ("envoy_http_downstream_rq_time", _BY_POD, 1),
)
"""Name without ``_sum`` and ``_count``, the labels that name who answers, and how many of its units are 1/1000 s."""

_COUNTERS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("http_requests_total", _BY_POD, ("code", "status", "status_code"), "5.."),
    ("http_request_duration_seconds_count", _BY_POD, ("code", "status_code", "status"), "5.."),
    ("http_server_requests_seconds_count", _BY_POD, ("status",), "5.."),
    ("http_server_request_duration_seconds_count", _BY_POD, ("http_response_status_code",), "5.."),
    ("flask_http_request_total", _BY_POD, ("status",), "5.."),
    ("http_requests_received_total", _BY_POD, ("code",), "5.."),
    ("grpc_server_handled_total", _BY_POD, ("grpc_code",), "Unknown|DeadlineExceeded|Internal|Unavailable|DataLoss"),
    ("istio_requests_total", _BY_MESH, ("response_code",), "5..|0"),
    ("response_total", _BY_LINKERD, ("classification",), "failure"),
    ("nginx_ingress_controller_requests", _BY_INGRESS, ("status",), "5.."),
    ("envoy_http_downstream_rq_xx", _BY_POD, ("envoy_response_code_class",), "5"),
)
"""A counter of requests, the labels that name who answers, which label tells how a request ended (whichever of them
is there), and what it says of one that failed."""

_QUEUES: tuple[tuple[str, str], ...] = (
    ("rabbitmq_queue_messages", "namespace, pod, queue"),
    ("rabbitmq_detailed_queue_messages", "namespace, pod, queue"),
    ("kafka_consumergroup_lag", "namespace, pod, consumergroup, topic"),
    ("kafka_consumergroup_group_lag", "namespace, pod, group, topic"),
)
"""What waits in queues, and the labels of one queue. An exporter without labels of queues gives their sum."""


def around(namespace: str, nodes: Sequence[Object], window_seconds: int = RATE_WINDOW_SECONDS) -> Iterable[Query]:
    """All of them: ten range queries, or seven when no node is known."""
    yield request_latency(namespace, window_seconds)
    yield request_rate(namespace, window_seconds)
    yield request_errors(namespace, window_seconds)
    yield queue_messages(namespace)
    pods = f'{equals("namespace", namespace)},container!="",container!="POD"'
    yield _of_pods(
        "pods_cpu_usage", namespace, f"sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{{{pods}}}[%s]))"
    )
    throttled, periods = (f"container_cpu_cfs_{name}periods_total{{{pods}}}[%s]" for name in ("throttled_", ""))
    by = "sum by (namespace, pod)"
    yield _of_pods("pods_cpu_throttled", namespace, f"{by} (increase({throttled})) / {by} (increase({periods}))")
    dropped = (
        f"rate(container_network_{way}_packets_dropped_total{{{equals('namespace', namespace)}}}[%s])"
        for way in ("receive", "transmit")
    )
    yield _of_pods("pods_packets_dropped", namespace, " + ".join(f"{by} ({one})" for one in dropped))
    if instances := _instances(nodes):
        idle = f'rate(node_cpu_seconds_total{{{instances},mode="idle"}}[%s])'
        yield _of_nodes("node_cpu_percent", f"100 * (1 - avg by (instance) ({idle}))", "percent")
        busy = f"rate(node_disk_io_time_seconds_total{{{instances}}}[%s])"
        yield _of_nodes("node_disk_busy", f"max by (instance) ({busy})", "ratio")
        again = f"rate(node_netstat_Tcp_RetransSegs{{{instances}}}[%s])"
        yield _of_nodes("node_tcp_retransmissions", f"sum by (instance) ({again})", "segments per second")


def request_latency(namespace: str, window_seconds: int = RATE_WINDOW_SECONDS) -> Query:
    """Mean duration of requests, in milliseconds, by who answers them."""
    window = f"[{window_seconds}s]"
    parts = []
    for name, by, factor in _TIMERS:
        where = _where(by, namespace)
        took, count = (f"sum by ({by}) (rate({name}_{part}{{{where}}}{window}))" for part in ("sum", "count"))
        mean = f"{took} / ({count} > 0)"
        parts.append(f"{factor} * {mean}" if factor != 1 else mean)
    return _union("request_latency_milliseconds", parts, namespace, "ms", window_seconds)


def request_rate(namespace: str, window_seconds: int = RATE_WINDOW_SECONDS) -> Query:
    """Requests per second, by who answers them."""
    window = f"[{window_seconds}s]"
    parts = [f"sum by ({by}) (rate({name}{{{_where(by, namespace)}}}{window}))" for name, by, _, _ in _COUNTERS]
    return _union("request_rate", parts, namespace, "requests per second", window_seconds)


def request_errors(namespace: str, window_seconds: int = RATE_WINDOW_SECONDS) -> Query:
    """Share of requests that failed on the server's side, 0 to 1, by who answers them.

    A counter that does not tell how requests ended is left out: of it nothing is known.
    """
    window = f"[{window_seconds}s]"
    parts = []
    for name, by, labels, failed in _COUNTERS:
        where = _where(by, namespace)
        for label in labels:
            every = f'sum by ({by}) (rate({name}{{{where},{label}!=""}}{window}))'
            bad = f"sum by ({by}) (rate({name}{{{where},{matches(label, failed)}}}{window}))"
            # A counter of failures does not exist before the first one: until then there were none.
            parts.append(f"({bad} or 0 * {every}) / ({every} > 0)")
    return _union("request_error_ratio", parts, namespace, "ratio", window_seconds)


def queue_messages(namespace: str) -> Query:
    """Messages that wait, by queue, or by consumer group and topic."""
    parts = [f"sum by ({by}) ({name}{{{equals('namespace', namespace)}}})" for name, by in _QUEUES]
    return Query("queue_messages", " or ".join(parts), {"namespace": namespace}, "messages")


def _where(by: str, namespace: str) -> str:
    more = {_BY_MESH: ',reporter=~"destination|waypoint"', _BY_LINKERD: ',direction="inbound"'}
    return equals(by.split(",", 1)[0], namespace) + more.get(by, "")


def _union(name: str, parts: Iterable[str], namespace: str, unit: str, window_seconds: int) -> Query:
    params = {"namespace": namespace, "window": str(window_seconds)}
    return Query(name, " or ".join(f"({part})" for part in parts), params, unit)


def _of_pods(name: str, namespace: str, template: str) -> Query:
    unit = {"pods_cpu_usage": "cores", "pods_cpu_throttled": "ratio"}.get(name, "packets per second")
    window = str(RATE_WINDOW_SECONDS)
    return Query(name, template.replace("%s", f"{window}s"), {"namespace": namespace, "window": window}, unit)


def _of_nodes(name: str, template: str, unit: str) -> Query:
    window = str(RATE_WINDOW_SECONDS)
    return Query(name, template.replace("%s", f"{window}s"), {"window": window}, unit)


def _instances(nodes: Sequence[Object]) -> str:
    """The node exporters of the nodes: ``instance`` is an address or a name of the node, mostly with a port."""
    names: dict[str, None] = {}
    for node in nodes[:MOST_NODES]:
        names[fields.name(node)] = None
        for address in fields.items(node, "status", "addresses"):
            names[fields.text(address, "address")] = None
    known = sorted(re.escape(name) for name in names if name)
    return matches("instance", f"({'|'.join(known)})(:[0-9]+)?") if known else ""
