"""The few shapes of query that the dashboards are made of."""

from __future__ import annotations

from collections.abc import Sequence

from incident_commander.adapters.instruments import process
from incident_commander.adapters.instruments.instrument import HistogramOf, Instrument

WHERE = 'namespace=~"$namespace", job=~"$release"'
"""Selects the installations that the viewer chose."""


def select(metric: Instrument | str, matchers: str = "", end: str = "") -> str:
    """The series of these installations; ``end`` is _bucket, _sum or _count of a histogram."""
    name = metric if isinstance(metric, str) else metric.name
    return f"{name}{end}{{{', '.join(part for part in (WHERE, matchers) if part)}}}"


def grown(metric: Instrument | str, by: Sequence[str] = (), matchers: str = "", *, end: str = "") -> str:
    """How much a counter grew in the viewer's range.

    A series that began within it is taken whole: increase() would not see its first event.
    """
    series = select(metric, matchers, end)
    return f"{_sum(by)}(({series} unless {series} offset $__range) or increase({series}[$__range]))"


def rate(metric: Instrument | str, by: Sequence[str] = (), matchers: str = "", *, end: str = "") -> str:
    """A second, smoothed over the graph's own step."""
    return f"{_sum(by)}(rate({select(metric, matchers, end)}[$__rate_interval]))"


def recent(metric: Instrument | str, by: Sequence[str] = (), matchers: str = "", *, end: str = "") -> str:
    """How much a counter grew in one step of the graph."""
    return f"{_sum(by)}(increase({select(metric, matchers, end)}[$__interval]))"


def quantile(
    q: float, metric: HistogramOf, by: Sequence[str] = (), matchers: str = "", window: str = "$__rate_interval"
) -> str:
    """Estimated from the buckets; nothing to show while nothing was measured."""
    return f"histogram_quantile({q}, {_sum(('le', *by))}(rate({select(metric, matchers, '_bucket')}[{window}])))"


def most(metric: Instrument | str, by: Sequence[str] = (), matchers: str = "") -> str:
    """The largest of several processes that see the same."""
    return f"max {_by(by)}({select(metric, matchers)})"


def or_zero(expr: str) -> str:
    """Where there is nothing there were none, as long as any process of ours is scraped. Only for counts."""
    return f"{expr} or on () 0 * max({select(process.BUILD_INFO)})"


def _sum(by: Sequence[str]) -> str:
    return f"sum {_by(by)}"


def _by(by: Sequence[str]) -> str:
    return f"by ({', '.join(by)}) " if by else ""
