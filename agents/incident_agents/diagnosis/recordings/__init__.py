"""Metrics as exporters name them, made into what they measure about a workload or a node.

A recording holds counters, buckets, sums and quantiles of whatever was scraped: client libraries, OpenTelemetry, gRPC,
Istio, Linkerd, Envoy, ingress controllers, cAdvisor, node_exporter. Here they become milliseconds, requests per second,
shares of failures, cores, and shares of time. What is no such metric is left for the words of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from incident_agents.diagnosis.recordings.machines import containers, nodes
from incident_agents.diagnosis.recordings.requests import requests
from incident_agents.diagnosis.recordings.series import Labels, Reading, Recorded, metric_of, plausible
from incident_commander.ports import Series

__all__ = ["Reading", "metric_of", "plausible", "readings"]

Of = Callable[[Labels], str]
"""From labels to the reference of a workload or a node, or the empty string."""


def readings(recorded: Mapping[str, Sequence[Series]], of: Of) -> tuple[list[Reading], frozenset[str]]:
    """What could be made of them, and the metrics that it was made of."""
    all_ = [
        Recorded(name, metric_of(name, series), series, of(series.labels))
        for name, group in recorded.items()
        for series in group
    ]
    by_metric: dict[str, list[Recorded]] = {}
    for one in all_:
        by_metric.setdefault(one.metric, []).append(one)
    found: list[Reading] = []
    used: set[str] = set()
    for take in (requests, containers, nodes):
        for metrics, made in take(by_metric):
            used.update(metrics)
            found += made
    return found, frozenset(used)
