"""What a metric of ours is: its name, what it means, who exposes it, and every value that its labels may have.

One declaration per metric, from which the real one and its line in docs/metrics.md are made. Base units; names of
objects are no label values, but for the Agents': whoever installs them decides how many there are (64 at most).
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from incident_commander.api.causes import Cause
from incident_commander.api.incident import Outcome, Phase
from incident_commander.api.role import Role
from incident_commander.api.statement import Severity

PREFIX = "incident_commander_"
FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Buckets (seconds) of what machines do by themselves."""
SLOW = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Buckets (seconds) of what an Incident goes through; minutes are what people think in."""

PHASES = tuple(p.value for p in Phase)
OPEN_PHASES = tuple(p.value for p in Phase if not p.terminal)
OUTCOMES = tuple(o.value for o in Outcome)
SEVERITIES = tuple(s.value for s in Severity)
CAUSES = tuple(c.value for c in Cause)
ROLES = tuple(r.value for r in Role)

Values = tuple[str, ...] | str
"""All values of a label, or in words what they are where code elsewhere names them."""


class Source(enum.StrEnum):
    """Which processes expose it."""

    COORDINATOR = "coordinator"
    EXECUTOR = "executor"
    GATEWAY = "gateway"
    AGENTS = "agents"
    DECIDING = "coordinator and executor"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Instrument:
    """A metric before there is a registry for it.

    ``name`` is what PromQL knows it as, without ``_bucket``, ``_sum`` and ``_count`` of histograms.
    """

    name: str
    source: Source
    text: str
    labels: Mapping[str, Values]
    type: ClassVar[str]

    @property
    def series(self) -> tuple[str, ...]:
        """The names that a scrape shows."""
        return (self.name,)

    def combinations(self) -> list[tuple[str, ...]] | None:
        """Every combination of label values; None where they are not listed."""
        listed = [values for values in self.labels.values() if not isinstance(values, str)]
        return list(itertools.product(*listed)) if len(listed) == len(self.labels) else None


@dataclass(frozen=True, slots=True)
class CounterOf(Instrument):
    """What only grows."""

    type: ClassVar[str] = "counter"

    def make(self, registry: CollectorRegistry) -> Counter:
        """The real one, in ``registry``."""
        return Counter(self.name, self.text, tuple(self.labels), registry=registry)


@dataclass(frozen=True, slots=True)
class GaugeOf(Instrument):
    """What is now."""

    type: ClassVar[str] = "gauge"

    def make(self, registry: CollectorRegistry) -> Gauge:
        """The real one, in ``registry``."""
        return Gauge(self.name, self.text, tuple(self.labels), registry=registry)


@dataclass(frozen=True, slots=True)
class HistogramOf(Instrument):
    """What is measured again and again; ``buckets`` are upper bounds."""

    buckets: tuple[float, ...] = field(default=FAST)
    type: ClassVar[str] = "histogram"

    @property
    def series(self) -> tuple[str, ...]:
        """The names that a scrape shows."""
        return tuple(f"{self.name}{end}" for end in ("_bucket", "_sum", "_count"))

    def make(self, registry: CollectorRegistry) -> Histogram:
        """The real one, in ``registry``."""
        return Histogram(self.name, self.text, tuple(self.labels), buckets=self.buckets, registry=registry)


def counter(name: str, source: Source, text: str, **labels: Values) -> CounterOf:
    """Declare a counter."""
    return CounterOf(PREFIX + name, source, text, labels)


def gauge(name: str, source: Source, text: str, **labels: Values) -> GaugeOf:
    """Declare a gauge."""
    return GaugeOf(PREFIX + name, source, text, labels)


def histogram(
    name: str, source: Source, text: str, *, buckets: tuple[float, ...] = FAST, **labels: Values
) -> HistogramOf:
    """Declare a histogram."""
    return HistogramOf(PREFIX + name, source, text, labels, buckets)


def begin(metric: Counter | Gauge | Histogram, instrument: Instrument) -> None:
    """Show every series from the start, at 0: a counter that appears with its first event hides it from increase().

    Does nothing where the label values are not all known beforehand.
    """
    if instrument.labels:
        for values in instrument.combinations() or ():
            metric.labels(*values)
