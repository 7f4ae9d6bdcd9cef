"""Gathering for a command, from what the user can reach."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from incident_commander.adapters.alertmanager import active_alerts, read_alerts
from incident_commander.adapters.prometheus import PrometheusMetrics
from incident_commander.api.incident import Alert
from incident_commander.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where to ask beside the API server; None: not at all."""

    prometheus: str | None = None
    alertmanager: str | None = None

    def named(self) -> str:
        """Who is asked, for progress."""
        others = [name for name, url in (("Prometheus", self.prometheus), ("Alertmanager", self.alertmanager)) if url]
        return " and ".join(["the API server", *others])


@asynccontextmanager
async def prometheus(addresses: Addresses) -> AsyncIterator[PrometheusMetrics | None]:
    """A Prometheus to ask, or None."""
    metrics = PrometheusMetrics(addresses.prometheus) if addresses.prometheus else None
    try:
        yield metrics
    finally:
        if metrics is not None:
            await metrics.close()


@dataclass(frozen=True, slots=True)
class Active:
    """The active alerts of a namespace and of none, as answered and as read; None answered: not asked."""

    answered: list[dict[str, Any]] | None
    alerts: tuple[Alert, ...]
    gaps: tuple[str, ...] = ()


async def alerts_of(addresses: Addresses, namespace: str) -> Active:
    """What Alertmanager says; never raises for what it refuses."""
    if not addresses.alertmanager:
        return Active(None, (), ("alerts: no Alertmanager was named",))
    try:
        found = await active_alerts(addresses.alertmanager)
    except Unavailable as error:
        return Active(None, (), (f"alerts: {error}",))
    here = [alert for alert in found if _namespace(alert) in (None, namespace)]
    return Active(here, tuple(read_alerts(here)))


def _namespace(alert: Mapping[str, Any]) -> str | None:
    labels = alert.get("labels")
    found = labels.get("namespace") if isinstance(labels, dict) else None
    return found if isinstance(found, str) else None
