"""What a series or an alert is about, by the words of its name."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable


class Measure(enum.StrEnum):
    """What is measured. In brackets the unit where figures of several sources are compared."""

    CPU = "CPU"
    """Cores of a workload, per cent of a node."""
    THROTTLING = "Throttling"
    MEMORY = "Memory"
    LATENCY = "Latency"
    """Milliseconds."""
    REQUESTS = "Requests"
    ERRORS = "Errors"
    SUCCESS = "Success"
    RETRANSMISSIONS = "Retransmissions"
    LOSS = "Loss"
    PACKETS = "Packets"
    DISK = "Disk"
    BACKLOG = "Backlog"
    """Messages that wait in a queue, or that a consumer group is behind."""
    REPLICATION_LAG = "ReplicationLag"
    """Seconds."""


_WORDS: tuple[tuple[Measure, re.Pattern[str]], ...] = tuple(
    (measure, re.compile(pattern, re.IGNORECASE))
    for measure, pattern in (
        (Measure.REPLICATION_LAG, r"repl(?:ication|ica)?_?lag|seconds_behind_(?:master|source)|slave_lag"),
        (
            Measure.BACKLOG,
            r"consumer_?(?:group)?_?lag|records_lag|queue_messages(?:_ready)?$|messages_ready|queue_depth|backlog",
        ),
        (Measure.THROTTLING, r"throttl|cfs"),
        (Measure.RETRANSMISSIONS, r"retran"),
        (Measure.LOSS, r"packet.?loss|packets?_?drop|dropped_packets|_drop_total|_errs_total|network_\w*errors_total"),
        (Measure.LATENCY, r"latency|duration|response.?time|slow|p(?:50|75|9[059]|999?)(?:_|$)"),
        (Measure.SUCCESS, r"success.?rat(?:e|io)(?!\w*drop)|availability"),
        (Measure.ERRORS, r"error|5xx|fail(?:ure|ed)|success"),
        (Measure.REQUESTS, r"rps|qps|throughput|requests?_(?:total|per|rate)|request.?rate"),
        (Measure.DISK, r"disk|fs_(?:read|write)|io_(?:time|util)|iowait|pressure_io"),
        (Measure.PACKETS, r"network|packets|bytes_(?:received|sent)|(?:receive|transmit)|_[rt]x(?:_|$)|traffic"),
        (Measure.CPU, r"cpu"),
        (Measure.MEMORY, r"mem(?:ory)?(?:_|\b|$)|working_set|rss"),
    )
)
_NOT_USE = re.compile(
    r"limit|request(?:s|ed)?_(?:cpu|mem)|allocatable|capacity|quota|Mem(?:Available|Free|Total)|mem(?:ory)?_(?:free|total)",
    re.IGNORECASE,
)


def measure_of(words: str) -> Measure | None:
    """None: neither use nor a symptom."""
    if _NOT_USE.search(words):
        return None
    return next((measure for measure, pattern in _WORDS if pattern.search(words)), None)


_UNITS = (
    (re.compile(r"(?:milliseconds|millis|msec|_ms)(?:_|$)", re.IGNORECASE), 1.0),
    (re.compile(r"(?:microseconds|_us)(?:_|$)", re.IGNORECASE), 1e-3),
    (re.compile(r"(?:nanoseconds|_ns)(?:_|$)", re.IGNORECASE), 1e-6),
    (re.compile(r"(?:seconds|_sec|_s)(?:_|$)", re.IGNORECASE), 1e3),
)


def milliseconds(name: str) -> float | None:
    """How many milliseconds the unit in the name of a metric is; None when the name has no unit of time."""
    return next((factor for pattern, factor in _UNITS if pattern.search(name)), None)


_SHARE = re.compile(r"ratio|fraction|share|utili[sz]ation|usage|busy|load|rate", re.IGNORECASE)
_WHOLE = re.compile(r"percent|pct|cores|millicores", re.IGNORECASE)


def is_share(name: str, points: Iterable[tuple[float, float]]) -> bool:
    """Whether a series of a node's use is a share of the whole (1 is all): by its name, and it never says more."""
    values = [value for _, value in points]
    named = _SHARE.search(name) is not None and _WHOLE.search(name) is None
    return named and max(values, default=0.0) <= _ROUNDED and min(values, default=0.0) >= 0


_ROUNDED = 1.05
"""Rates of counters that were scraped a little late say slightly more than all."""
