"""A look at the circuit breaker now and then: a person may have closed it."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from incident_commander.adapters.gauges import BreakerGauge
from incident_commander.errors import ClusterError
from incident_commander.ports import Cluster
from incident_commander.surroundings import read_breaker

LOOK_SECONDS = 30.0
_log = structlog.get_logger(__name__)


async def watch_breaker(cluster: Cluster, gauge: BreakerGauge, namespace: str, stop: asyncio.Event) -> None:
    """Until ``stop`` is set."""
    while not stop.is_set():
        try:
            breaker, _ = await read_breaker(cluster, namespace)
            gauge.show(breaker.tripped)
        except (ClusterError, ValueError) as error:
            _log.warning("The circuit breaker cannot be looked at", error=str(error))
            gauge.show(None)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
