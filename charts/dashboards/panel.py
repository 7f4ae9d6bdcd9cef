"""What a dashboard consists of."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class Unit(enum.StrEnum):
    """Identifiers of @grafana/data's value formats."""

    SHORT = "short"
    WHOLE = "locale"
    """Every digit, where "short" would say 12.3 K."""
    YES_NO = "bool_yes_no"
    SECONDS = "s"
    MINUTES = "m"
    BYTES = "bytes"
    PER_SECOND = "ops"
    REQUESTS = "reqps"
    CORES = "suffix: cores"


@dataclass(frozen=True, slots=True)
class Target:
    """One query. ``legend`` is Grafana's legend format. An instant query shows only what is now."""

    expr: str
    legend: str = ""
    instant: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; ``width`` of 24, ``height`` in grid units of 30 px."""

    title: str
    description: str
    unit: Unit
    targets: Sequence[Target]
    kind: str = "timeseries"
    width: int = 12
    height: int = 8
    decimals: int | None = None
    thresholds: Sequence[tuple[float | None, str]] = ((None, "green"),)
    options: Mapping[str, Any] = field(default_factory=dict)
    stack: bool = False
    lowest: float | None = 0
    interval: str = "1m"
    """Never a finer step than this: there must be two scrapes in each."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words between panels, in Markdown."""

    title: str
    markdown: str
    width: int = 24
    height: int = 3


@dataclass(frozen=True, slots=True)
class Row:
    """A title and what is below it."""

    title: str
    panels: Sequence[Panel | Text]


@dataclass(frozen=True, slots=True)
class Variable:
    """A constant that the viewer sets, beside datasource, namespace and release, which every dashboard has."""

    name: str
    label: str
    default: str
    description: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """``uid`` is stable, so that links keep working."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = ()
    since: str = "now-24h"

    def panels(self) -> list[Panel]:
        """Those with queries, in order."""
        return [panel for row in self.rows for panel in row.panels if isinstance(panel, Panel)]
