"""Series in a report: what each does in words, and two lines of drawing with its change marked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from incident_agents.diagnosis.driving import Driving, Order
from incident_commander.cli.render.text import when
from incident_commander.evidence.series import plot


def title(one: Driving) -> str:
    """Which series, of whom, and how it changed."""
    return f"{one.name} of {one.subject}: {one.words}" if one.subject else f"{one.name}: {one.words}"


def drawn(one: Driving, width: int, *, ascii_only: bool = False) -> tuple[str, ...]:
    """The plot, at most ``width`` columns wide."""
    return plot(one.points, unit=one.unit, at=one.at, width=width, ascii_only=ascii_only)


def told(order: Order, day: datetime) -> Iterator[str]:
    """One line for each group of series that began to move at about the same time; with its date if not on ``day``."""
    for at, group in zip(order.began, order.groups, strict=True):
        yield f"{when(at, day)} {', '.join(group)}"
