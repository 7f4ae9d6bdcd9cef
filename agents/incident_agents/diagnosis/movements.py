"""What moved: series and alerts about workloads and nodes, read by what they measure and not by who named them.

A series is compared with its own history before the symptom began. An alert says that something moved, and
sometimes by how much only in its prose: it counts as moved, without figures.
"""

from __future__ import annotations

import enum
import itertools
import re
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.series import Point, finite
from incident_agents.diagnosis.stores import behind_service
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.incident import Alert
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.ports import Series


class Measure(enum.StrEnum):
    """What a series or an alert is about."""

    CPU = "CPU"
    THROTTLING = "Throttling"
    MEMORY = "Memory"
    LATENCY = "Latency"
    REQUESTS = "Requests"
    ERRORS = "Errors"
    SUCCESS = "Success"
    RETRANSMISSIONS = "Retransmissions"
    LOSS = "Loss"
    PACKETS = "Packets"
    DISK = "Disk"


_WORDS: tuple[tuple[Measure, re.Pattern[str]], ...] = tuple(
    (measure, re.compile(pattern, re.IGNORECASE))
    for measure, pattern in (
        (Measure.THROTTLING, r"throttl|cfs"),
        (Measure.RETRANSMISSIONS, r"retran"),
        (Measure.LOSS, r"packet.?loss|packets?_?drop|dropped_packets|_drop_total"),
        (Measure.LATENCY, r"latency|duration|response.?time|slow|p(?:50|75|9[059]|999?)(?:_|$)"),
        (Measure.SUCCESS, r"success.?rat(?:e|io)(?!\w*drop)|availability"),
        (Measure.ERRORS, r"error|5xx|fail(?:ure|ed)|success"),
        (Measure.REQUESTS, r"rps|qps|throughput|requests?_(?:total|per|rate)|request.?rate"),
        (Measure.DISK, r"disk|fs_(?:read|write)|io_(?:time|util)|iowait"),
        (Measure.PACKETS, r"network|packets|bytes_(?:received|sent)|(?:receive|transmit)|_[rt]x(?:_|$)|traffic"),
        (Measure.CPU, r"cpu"),
        (Measure.MEMORY, r"mem(?:ory)?(?:_|\b|$)|working_set|rss"),
    )
)
_NOT_USE = re.compile(r"limit|request(?:s|ed)?_(?:cpu|mem)|allocatable|capacity|quota", re.IGNORECASE)
_NODE_LABELS = ("node", "instance", "nodename", "kubernetes_node", "hostname")
_WORKLOAD_LABELS = (
    "deployment",
    "statefulset",
    "workload",
    "destination_workload",
    "service",
    "service_name",
    "destination_service_name",
    "exported_service",
    "app",
    "pod",
)
_PLACE_LABELS = ("namespace", "destination_workload_namespace", "exported_namespace")
_MIN_BEFORE = 3


@dataclass(frozen=True, slots=True)
class Movement:
    """One subject and measure, before and after the symptom began.

    ``subject`` is a workload's or a node's reference. ``alerted``: an alert says that it moved; its figures are
    what its prose says ("0.1 -> 7"), and ``before`` is None when it says none.
    """

    measure: Measure
    name: str
    subject: str
    before: float | None
    after: float
    peak: float
    citation: Citation
    alerted: bool = False

    @property
    def rose(self) -> float:
        """How many times as high as before; 1 when only an alert says that it moved."""
        if self.before is None:
            return 1.0
        return self.after / max(self.before, _FLOORS.get(self.measure, 1e-9))

    @property
    def by(self) -> float:
        """How much higher than before."""
        return self.after - (self.before or 0.0)


_FLOORS = {Measure.CPU: 0.005, Measure.THROTTLING: 0.01, Measure.LATENCY: 1.0, Measure.RETRANSMISSIONS: 0.1}


def movements(case: Case) -> list[Movement]:
    """Everything that was recorded about workloads and nodes, whether or not it moved much."""
    return case.once("movements", lambda: _movements(case))


def _movements(case: Case) -> list[Movement]:
    subjects = _Subjects(case)
    begun = _begun(case)
    found = [m for name, group in case.evidence.series.items() for s in group if (m := _of(name, s, begun, subjects))]
    return [*found, *_alerted(case, subjects)]


def _begun(case: Case) -> float | None:
    own = case.incident.spec.alerts if case.incident is not None else []
    starts = [a.starts_at for a in (*case.evidence.alerts, *own)]
    return min(starts).timestamp() if starts else None


def _measure(words: str) -> Measure | None:
    if _NOT_USE.search(words):
        return None
    return next((measure for measure, pattern in _WORDS if pattern.search(words)), None)


def _of(name: str, series: Series, begun: float | None, subjects: _Subjects) -> Movement | None:
    measure = _measure(name)
    subject = subjects.of(series.labels) if measure is not None else ""
    points = _levels(name, finite(series))
    if measure is None or not subject or len(points) < 2 * _MIN_BEFORE:
        return None
    at = begun if begun is not None and sum(t < begun for t, _ in points) >= _MIN_BEFORE else None
    cut = points[len(points) // 2][0] if at is None else at
    before, after = [v for t, v in points if t < cut], [v for t, v in points if t >= cut]
    if len(after) < _MIN_BEFORE:
        return None
    low, high = statistics.median(before), statistics.median(after)
    peak = sorted(after)[int(0.9 * (len(after) - 1))]
    shown = f"{low:.4g} before, {high:.4g} since, {peak:.4g} at most for a tenth of the time"
    return Movement(measure, name, subject, low, high, peak, citing.of_series(name, series, shown))


def _levels(name: str, points: list[Point]) -> list[Point]:
    """A counter as what it grew by per second; a reset counts from zero. Anything else as it is."""
    if not name.endswith(("_total", "_count", "_sum")):
        return points
    pairs = itertools.pairwise(points)
    return [(t, (v if v < u else v - u) / (t - s)) for (s, u), (t, v) in pairs if t > s]


def _alerted(case: Case, subjects: _Subjects) -> Iterator[Movement]:
    for alert in case.evidence.alerts:
        measure, subject = _measure(_said(alert)), subjects.of(alert.labels)
        if measure is not None and subject:
            before, after = _figures(alert)
            yield Movement(measure, alert.name, subject, before, after, after, citing.of_alert(alert), alerted=True)


_ARROW = re.compile(
    r"(?P<before>\d{1,12}(?:\.\d{1,6})?)[^\d\n>]{0,16}(?:->|→)[^\d\n]{0,16}(?P<after>\d{1,12}(?:\.\d{1,6})?)"
)


def _figures(alert: Alert) -> tuple[float | None, float]:
    """The first "before -> after" in its annotations."""
    for text in alert.annotations.values():
        if (match := _ARROW.search(text[:500])) is not None:
            return float(match["before"]), float(match["after"])
    return None, 0.0


def _said(alert: Alert) -> str:
    """Its name and the labels that are no subject."""
    more = [v for k, v in alert.labels.items() if k in ("signal", "type", "metric", "reason", "resource", "category")]
    return " ".join([alert.name, *more])


class _Subjects:
    """From labels to a workload or a node."""

    def __init__(self, case: Case) -> None:
        self._nodes = {fields.name(n): f"Node/{fields.name(n)}" for n in case.evidence.of(kinds.NODE)}
        for node in case.evidence.of(kinds.NODE):
            for address in fields.items(node, "status", "addresses"):
                self._nodes.setdefault(fields.text(address, "address"), f"Node/{fields.name(node)}")
        self._workloads: dict[tuple[str, str], str] = {}
        for workload in case.workloads:
            place = fields.namespace(workload.object)
            self._workloads[place, fields.name(workload.object)] = workload.ref
            for pod in workload.pods:
                self._workloads.setdefault((place, fields.name(pod)), workload.ref)
        for service in case.evidence.of(kinds.SERVICE):
            behind = behind_service(case, service)
            if behind is not None:
                self._workloads.setdefault((fields.namespace(service), fields.name(service)), behind.ref)
        self._by_name: dict[str, str] = {}
        for (_, name), ref in self._workloads.items():
            self._by_name.setdefault(name, ref)

    def of(self, labels: Mapping[str, str]) -> str:
        """The reference, or the empty string."""
        place = next((labels[key] for key in _PLACE_LABELS if labels.get(key)), "")
        for key in _WORKLOAD_LABELS:
            name = labels.get(key, "")
            if name:
                found = self._workloads.get((place, name)) or self._by_name.get(name)
                if found is not None:
                    return found
        for key in _NODE_LABELS:
            name = labels.get(key, "").rsplit(":", 1)[0]
            if name in self._nodes:
                return self._nodes[name]
        return ""


def of_ref(case: Case, ref: str) -> Workload | None:
    """The workload of a reference."""
    return next((w for w in case.workloads if w.ref == ref), None)
