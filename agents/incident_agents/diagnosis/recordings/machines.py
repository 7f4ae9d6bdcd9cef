"""Containers as cAdvisor measures them, nodes as node_exporter does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from incident_agents.diagnosis.measures import Measure
from incident_agents.diagnosis.recordings.series import ByMetric, Reading, Recorded, Taken, by_subject, ratio, summed
from incident_commander.evidence.series import rates

_USAGE = ("container_cpu_usage_seconds_total", "container_cpu_time_seconds_total", "k8s_pod_cpu_time_seconds_total")
_THROTTLED = "container_cpu_cfs_throttled_periods_total"
_PERIODS = "container_cpu_cfs_periods_total"
_PERIODS_PER_SECOND = 10.0
_PODS = ("pod", "pod_name", "k8s_pod_name", "container_label_io_kubernetes_pod_name")


def containers(metrics: ByMetric) -> Taken:
    """CPU of pods by cAdvisor: cores, and the share of periods that were throttled."""
    for metric in _USAGE:
        if metric in metrics:
            made = _of_pods(Measure.CPU, metrics[metric], "cores")
            yield [metric], [Reading(m, s, summed(own), unit, own[0].name, own[0].series) for m, s, own, unit in made]
    if _THROTTLED in metrics:
        periods = {_pod(own[0]): own for _, _, own, _ in _of_pods(Measure.CPU, metrics.get(_PERIODS, ()), "")}
        found = []
        for measure, subject, own, unit in _of_pods(Measure.THROTTLING, metrics[_THROTTLED], "ratio"):
            whole = summed(periods.get(_pod(own[0]), ()))
            share = ratio(summed(own), whole) or [(t, v / _PERIODS_PER_SECOND) for t, v in summed(own)]
            found.append(Reading(measure, subject, share, unit, own[0].name, own[0].series))
        yield [_THROTTLED, _PERIODS], found
    elif _PERIODS in metrics:
        yield [_PERIODS], []


def _pod(one: Recorded) -> str:
    return next((one.labels[key] for key in _PODS if one.labels.get(key)), "")


def _of_pods(
    measure: Measure, series: Sequence[Recorded], unit: str
) -> Iterator[tuple[Measure, str, list[Recorded], str]]:
    """By subject and pod. cAdvisor reports a pod's containers, the pod itself, and its pause container."""
    found: dict[tuple[str, str], list[Recorded]] = {}
    for one in series:
        if one.subject:
            found.setdefault((one.subject, _pod(one)), []).append(one)
    for (subject, _), group in found.items():
        own = [s for s in group if s.labels.get("container", "") not in ("", "POD")] or group[:1]
        yield measure, subject, own, unit


_CPU_OF_NODE = "node_cpu_seconds_total"
_SHARES = {
    "node_disk_io_time_seconds_total": Measure.DISK,
    "node_pressure_io_waiting_seconds_total": Measure.DISK,
    "node_pressure_io_stalled_seconds_total": Measure.DISK,
}
_PER_SECOND = {
    "node_netstat_Tcp_RetransSegs": Measure.RETRANSMISSIONS,
    "node_network_receive_drop_total": Measure.LOSS,
    "node_network_transmit_drop_total": Measure.LOSS,
    "node_network_receive_errs_total": Measure.LOSS,
    "node_network_transmit_errs_total": Measure.LOSS,
}


def nodes(metrics: ByMetric) -> Taken:
    """Nodes by node_exporter: per cent of the CPU, shares of time in which a disk was busy, segments and packets."""
    if _CPU_OF_NODE in metrics:
        found = []
        for subject, own in by_subject(metrics[_CPU_OF_NODE]).items():
            idle = dict(summed(s for s in own if s.labels.get("mode") == "idle"))
            modes = {s.labels.get("mode") for s in own}
            cores = len({s.labels.get("cpu") for s in own if s.labels.get("mode") == "idle"})
            whole = dict(summed(own)) if len(modes) > 1 else dict.fromkeys(idle, float(cores))
            busy = [(t, 100 * (1 - idle[t] / whole[t])) for t in sorted(idle) if whole.get(t)]
            found.append(Reading(Measure.CPU, subject, busy, "percent", own[0].name, own[0].series))
        yield [_CPU_OF_NODE], found
    for known, unit in ((_SHARES, "ratio"), (_PER_SECOND, "per second")):
        for metric, measure in known.items():
            if metric in metrics:
                yield (
                    [metric],
                    [
                        Reading(measure, one.subject, rates(one.series.points), unit, one.name, one.series)
                        for one in metrics[metric]
                        if one.subject
                    ],
                )
