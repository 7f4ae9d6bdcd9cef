"""Requests as libraries, meshes and gateways count and time them: histograms, summaries, counters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from incident_agents.diagnosis.measures import Measure, milliseconds
from incident_agents.diagnosis.recordings.series import (
    ByMetric,
    Labels,
    Reading,
    Recorded,
    Taken,
    by_subject,
    ratio,
    summed,
)

_SERVED = re.compile(r"http|rpc|request|response|_rq_|handling|latency", re.IGNORECASE)
_NOT_SERVED = re.compile(
    r"client|^(?:apiserver|etcd|kubelet|workqueue|rest_client|scheduler|scrape|prometheus|go|jvm|process|storage|cloud)_"
    r"|_(?:size|bytes)(?:_|$)|in_flight|active",
    re.IGNORECASE,
)
_PART = re.compile(r"_(?P<part>bucket|sum|count)$")
_COUNTER = re.compile(r"(?:requests?|handled|response|responses|_rq|calls)(?:_total)?$", re.IGNORECASE)
_CODES = (
    "code",
    "status",
    "status_code",
    "http_status_code",
    "http_response_status_code",
    "response_code",
    "grpc_code",
    "grpc_status",
    "rpc_grpc_status_code",
    "outcome",
    "classification",
)
_FAILED = re.compile(
    r"5\d\d|0|5xx|SERVER_ERROR|failure|Unknown|DeadlineExceeded|Internal|Unavailable|DataLoss|ResourceExhausted",
    re.ASCII,
)
_GRPC_OK_BY_NUMBER = ("grpc_status", "rpc_grpc_status_code")
"""Labels in which 0 means that all is well; elsewhere a code of 0 is a connection that broke."""
_GRPC_FAILED = frozenset({"2", "4", "8", "13", "14", "15"})
_QUANTILE = 0.9


@dataclass
class _Family:
    parts: dict[str, list[Recorded]] = field(default_factory=dict)

    def of(self, part: str) -> list[Recorded]:
        return self.parts.get(part, [])


def requests(metrics: ByMetric) -> Taken:
    """Latency, rate and failures of histograms and summaries; rate and failures of plain counters."""
    families: dict[str, _Family] = {}
    for metric, series in metrics.items():
        part = _PART.search(metric)
        base = metric[: part.start()] if part is not None else metric
        quantile = part is None and any("quantile" in s.labels for s in series)
        if not _SERVED.search(base) or _NOT_SERVED.search(base):
            continue
        if part is not None or quantile:
            families.setdefault(base, _Family()).parts[part["part"] if part is not None else "quantile"] = list(series)
        elif _COUNTER.search(metric) and _counts(metric, series):
            yield [metric], list(_rates(series))
    for base, family in families.items():
        timer = bool(family.of("bucket") or family.of("quantile") or (family.of("sum") and family.of("count")))
        if timer or family.of("count"):
            names = [base if part == "quantile" else f"{base}_{part}" for part in family.parts]
            counted = family.of("count") or [s for s in family.of("bucket") if _bound(s) == float("inf")]
            yield names, [*_latencies(base, family), *_rates(counted)]


def _counts(metric: str, series: Sequence[Recorded]) -> bool:
    """Whether the values only grow, but for restarts: a name without ``_total`` may be that of a rate."""
    if metric.endswith("_total"):
        return True
    steps = [b[1] - a[1] for s in series for a, b in pairwise(s.series.points)]
    return sum(step < 0 for step in steps) * 20 <= len(steps)


def _latencies(base: str, family: _Family) -> Iterator[Reading]:
    """Of each subject: the mean where sum and count are there, else a quantile of the buckets or of the summary."""
    unit = milliseconds(base)
    sums, counts = by_subject(family.of("sum")), by_subject(family.of("count"))
    buckets, quantiles = by_subject(family.of("bucket")), by_subject(family.of("quantile"))
    for subject in dict.fromkeys((*sums, *buckets, *quantiles)):
        points: list[tuple[float, float]] = []
        source: Recorded | None = None
        if subject in sums and subject in counts:
            points, source = ratio(summed(sums[subject]), summed(counts[subject])), sums[subject][0]
        elif subject in buckets:
            points, source = _of_buckets(buckets[subject]), buckets[subject][-1]
        elif subject in quantiles:
            source = min(quantiles[subject], key=lambda s: abs(_number(s.labels.get("quantile")) - _QUANTILE))
            points = list(source.series.points)
        if source is not None and points:
            factor = unit or (1e3 if _in_seconds(buckets.get(subject, ())) else 1.0)
            scaled = [(t, v * factor) for t, v in points]
            yield Reading(Measure.LATENCY, subject, scaled, "ms", source.name, source.series)


def _in_seconds(buckets: Sequence[Recorded]) -> bool:
    """The bounds of a histogram without a unit in its name tell: nobody waits for hours, nor counts in microseconds."""
    finite = [b for s in buckets if (b := _bound(s)) != float("inf")]
    return bool(finite) and max(finite) <= 120 and min(finite) < 1


def _rates(series: Sequence[Recorded]) -> Iterator[Reading]:
    for subject, own in by_subject(series).items():
        total = summed(own)
        if not total:
            continue
        yield Reading(Measure.REQUESTS, subject, total, "requests per second", own[0].name, own[0].series)
        bad = [s for s in own if _failed(s.labels)]
        if any(key in s.labels for s in own for key in _CODES):
            failed = dict(summed(bad))
            share = [(t, failed.get(t, 0.0) / v) for t, v in total if v > 0]
            source = bad[0] if bad else own[0]
            yield Reading(Measure.ERRORS, subject, share, "ratio", source.name, source.series)


def _failed(labels: Labels) -> bool:
    for key in _CODES:
        if value := labels.get(key, ""):
            return value in _GRPC_FAILED if key in _GRPC_OK_BY_NUMBER else _FAILED.fullmatch(value) is not None
    return False


def _bound(one: Recorded) -> float:
    return _number(one.labels.get("le"))


def _number(text: str | None) -> float:
    try:
        return float((text or "").replace("+Inf", "inf"))
    except ValueError:
        return float("inf")


def _of_buckets(series: Sequence[Recorded]) -> list[tuple[float, float]]:
    """The quantile of each interval, by linear interpolation within its bucket, as ``histogram_quantile`` does."""
    by_bound: dict[float, list[Recorded]] = {}
    for one in series:
        by_bound.setdefault(_bound(one), []).append(one)
    bounds = sorted(by_bound)
    if len(bounds) < 2 or bounds[-1] != float("inf"):
        return []
    grown = [dict(summed(by_bound[b])) for b in bounds]
    found = []
    for at, total in sorted(grown[-1].items()):
        if total <= 0:
            continue
        reached = np.maximum.accumulate([g.get(at, 0.0) for g in grown])
        n = int(np.searchsorted(reached, _QUANTILE * total))
        if n >= len(bounds) - 1:
            found.append((at, bounds[-2]))
            continue
        low, below = (bounds[n - 1], float(reached[n - 1])) if n else (0.0, 0.0)
        within = float(reached[n]) - below
        found.append((at, low + (bounds[n] - low) * ((_QUANTILE * total - below) / within if within > 0 else 1.0)))
    return found
