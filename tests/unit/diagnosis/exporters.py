"""Series as exporters would name them, generated from what a service or a node is meant to do. Nobody measured them.

They are for tests of pure functions: the names, labels and units are those of the exporters, the figures are made up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from incident_commander.ports import Series
from tests.unit.diagnosis.builders import NOW, NS

SINCE = 300.0
"""Seconds since the levels changed."""
_STEP, _POINTS = 15.0, 40
_NOISE = (1.0, 1.02, 0.99, 1.01)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
Levels = tuple[float, float]
Recorded = dict[str, list[Series]]


@dataclass(frozen=True)
class Load:
    """What one service does, before and after: milliseconds, requests per second, share of failures, cores, share."""

    pod: str
    latency: Levels = (20.0, 20.0)
    rate: Levels = (10.0, 10.0)
    errors: Levels = (0.0, 0.0)
    cpu: Levels = (0.05, 0.05)
    throttled: Levels = (0.0, 0.0)


def _times() -> list[float]:
    end = NOW.timestamp()
    return [end - _STEP * (_POINTS - 1 - n) for n in range(_POINTS)]


def gauge(levels: Levels, **labels: str) -> Series:
    """The level itself, with a little noise that is always the same."""
    change = NOW.timestamp() - SINCE
    points = ((t, levels[t >= change] * _NOISE[n % 4]) for n, t in enumerate(_times()))
    return Series(labels, tuple(points))


def counter(levels: Levels, **labels: str) -> Series:
    """What grows by that much per second."""
    total, points = 1000.0, []
    for at, rate in gauge(levels).points:
        total += rate * _STEP
        points.append((at, total))
    return Series(labels, tuple(points))


def _times_each(a: Levels, b: Levels) -> Levels:
    return a[0] * b[0], a[1] * b[1]


def _histogram(name: str, load: Load, unit: float, bounds: Sequence[float], **labels: str) -> Recorded:
    """Durations that are spread exponentially around their mean. ``unit``: milliseconds in one of the metric's."""
    mean = load.latency[0] / unit, load.latency[1] / unit
    found: Recorded = {
        f"{name}_sum": [counter(_times_each(mean, load.rate), **labels)],
        f"{name}_count": [counter(load.rate, **labels)],
        f"{name}_bucket": [],
    }
    for bound in [*bounds, math.inf]:
        share = 1 - math.exp(-bound / mean[0]), 1 - math.exp(-bound / mean[1])
        written = "+Inf" if bound == math.inf else str(bound)
        found[f"{name}_bucket"].append(counter(_times_each(share, load.rate), le=written, **labels))
    return found


def micrometer(service: str, load: Load) -> Recorded:
    """Spring Boot's actuator."""
    labels = {"namespace": NS, "pod": load.pod, "job": service, "uri": "/items", "status": "200", "outcome": "SUCCESS"}
    return _histogram("http_server_requests_seconds", load, 1000, _SECONDS, **labels)


def only(part: str, of: Callable[[str, Load], Recorded]) -> Callable[[str, Load], Recorded]:
    """Of a histogram only the buckets, or only sum and count, were recorded."""
    kept = {"buckets": ("_bucket",), "means": ("_sum", "_count")}[part]
    return lambda service, load: {name: s for name, s in of(service, load).items() if name.endswith(kept)}


def grpc(service: str, load: Load) -> Recorded:
    """go-grpc-prometheus."""
    labels = {"namespace": NS, "pod": load.pod, "grpc_method": "Get", "grpc_type": "unary"}
    good = load.errors[0] * load.rate[0], load.errors[1] * load.rate[1]
    found = _histogram("grpc_server_handling_seconds", load, 1000, _SECONDS, **labels)
    found["grpc_server_handled_total"] = [
        counter((load.rate[0] - good[0], load.rate[1] - good[1]), grpc_code="OK", **labels),
        counter(good, grpc_code="Unavailable", **labels),
    ]
    return found


def istio(service: str, load: Load) -> Recorded:
    """Both sidecars report: the caller's is slow whenever the network is, the other side's only for its own time."""
    found: Recorded = {}
    for reporter in ("source", "destination"):
        labels = {
            "reporter": reporter,
            "destination_workload": service,
            "destination_workload_namespace": NS,
            "response_code": "200",
            "pod": "somebody-else-0",
        }
        bounds = [1000 * bound for bound in _SECONDS]
        for name, series in _histogram("istio_request_duration_milliseconds", load, 1, bounds, **labels).items():
            found.setdefault(name, []).extend(series)
        failed = {**labels, "response_code": "503"}
        bad = _times_each(load.errors, load.rate)
        found.setdefault("istio_requests_total", []).extend(
            [counter((load.rate[0] - bad[0], load.rate[1] - bad[1]), **labels), counter(bad, **failed)]
        )
    return found


def opentelemetry(service: str, load: Load) -> Recorded:
    """The semantic conventions of HTTP servers, by way of a collector."""
    labels = {
        "job": f"{NS}/{service}",
        "service_name": service,
        "k8s_namespace_name": NS,
        "k8s_pod_name": load.pod,
        "http_response_status_code": "200",
    }
    return _histogram("http_server_request_duration_seconds", load, 1000, _SECONDS, **labels)


def summary(service: str, load: Load) -> Recorded:
    """Quantiles that the client made itself."""
    labels = {"namespace": NS, "pod": load.pod, "handler": "/items"}
    name = "http_request_duration_seconds"
    found: Recorded = {name: [], f"{name}_count": [counter(load.rate, **labels)]}
    for quantile, factor in (("0.5", 0.7), ("0.9", 2.3), ("0.99", 4.6)):
        levels = load.latency[0] * factor / 1000, load.latency[1] * factor / 1000
        found[name].append(gauge(levels, quantile=quantile, **labels))
    return found


def cadvisor(service: str, load: Load) -> Recorded:
    """The kubelet's: the container, the pod itself, and no requests."""
    pod = {"namespace": NS, "pod": load.pod, "job": "kubelet", "service": "kubelet", "node": "node-a"}
    own = pod | {"container": service, "id": f"/kubepods/{load.pod}/{service}"}
    periods = (10 * min(1.0, load.cpu[0] * 10), 10 * min(1.0, load.cpu[1] * 10))
    return {
        "container_cpu_usage_seconds_total": [counter(load.cpu, **own), counter(load.cpu, **pod, container="")],
        "container_cpu_cfs_periods_total": [counter(periods, **own)],
        "container_cpu_cfs_throttled_periods_total": [counter(_times_each(load.throttled, periods), **own)],
        "container_memory_working_set_bytes": [gauge((64e6, 64e6), **own)],
    }


def node_exporter(
    node: str, *, cpu: Levels = (20, 20), disk: Levels = (0.05, 0.05), again: Levels = (0, 0)
) -> Recorded:
    """Per cent of two cores that are busy, share of time in which the disk is, segments sent again per second."""
    labels = {"instance": f"{node}:9100", "job": "node-exporter"}
    found: Recorded = {
        "node_cpu_seconds_total": [],
        "node_disk_io_time_seconds_total": [counter(disk, device="sda", **labels)],
        "node_netstat_Tcp_RetransSegs": [counter(again, **labels)],
    }
    for core in ("0", "1"):
        busy = cpu[0] / 100, cpu[1] / 100
        for mode, levels in (("idle", (1 - busy[0], 1 - busy[1])), ("user", busy)):
            found["node_cpu_seconds_total"].append(counter(levels, cpu=core, mode=mode, **labels))
    return found


def together(*parts: Mapping[str, Sequence[Series]]) -> Recorded:
    """One recording of several services and nodes."""
    found: Recorded = {}
    for name, series in _named(parts):
        found.setdefault(name, []).extend(series)
    return found


def _named(parts: Sequence[Mapping[str, Sequence[Series]]]) -> Iterator[tuple[str, Sequence[Series]]]:
    for part in parts:
        yield from part.items()
