"""One process: some components over one connection pool, with their queues, Leases, health, and a graceful end."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import structlog
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from incident_commander.adapters.answering import Answering
from incident_commander.adapters.clock import SystemClock
from incident_commander.adapters.gauges import IncidentGauges
from incident_commander.adapters.kube_transport import Identity, Transport
from incident_commander.adapters.kubernetes import KubernetesCluster
from incident_commander.adapters.prometheus import PrometheusMetrics
from incident_commander.adapters.readiness import Readiness
from incident_commander.adapters.telemetry import PrometheusTelemetry
from incident_commander.errors import PartEnded
from incident_commander.operators.health import HealthServer
from incident_commander.operators.lease import LeaseHold
from incident_commander.operators.open_incidents import OpenIncidents
from incident_commander.operators.wakeup import Interest
from incident_commander.operators.watching import Subscriber, watch
from incident_commander.operators.workqueue import Key, Reconcile, WorkQueue
from incident_commander.settings import Settings

STUCK_SECONDS = 300.0
"""A reconcile that runs longer hangs: all its calls have time-outs."""
GRACE_SECONDS = 15.0
"""For what is being worked on when the process is asked to end."""
NOT_IN_CHARGE_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class Process:
    """Add components, then ``run``. ``impersonate``: each acts as its own ServiceAccount (needs the right to)."""

    def __init__(self, settings: Settings, transport: Transport, *, impersonate: bool = False) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        # Series of when each counter began double what is scraped, and nothing here reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.telemetry = PrometheusTelemetry(self.registry)
        self.telemetry.built(importlib.metadata.version("incident-commander"))
        self.metrics = (
            PrometheusMetrics(
                settings.prometheus_url,
                token_file=settings.prometheus_token_file,
                ca_file=settings.prometheus_ca_file,
                observe=self.telemetry.queried,
            )
            if settings.prometheus_url
            else None
        )
        self._transport = transport
        transport.listener = Answering(time.monotonic).heard
        self._impersonate = impersonate
        self._base = KubernetesCluster(transport, Identity())
        self._subscribers: list[Subscriber] = []
        self._open_incidents: OpenIncidents | None = None
        self._leases: list[LeaseHold] = []
        self._services: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._watching = asyncio.Event()
        self._readiness = Readiness(self._base, self.clock)
        self.stop = asyncio.Event()

    def cluster(self, component: str) -> KubernetesCluster:
        """The API server as that component sees it; its ServiceAccount has its name."""
        user = f"system:serviceaccount:{self.settings.namespace}:{component}" if self._impersonate else None
        return self._base.seen_as(
            f"incident-commander/{importlib.metadata.version('incident-commander')} ({component})",
            impersonate=user,
            observe=partial(self.telemetry.requested, component),
        )

    def lease(
        self, component: str, cluster: KubernetesCluster, annotations: Mapping[str, str] = MappingProxyType({})
    ) -> LeaseHold:
        """The Lease of that component. Its queue is filled anew whenever it is acquired."""
        hold = LeaseHold(
            cluster,
            self.clock,
            namespace=self.settings.namespace,
            name=component,
            holder=f"{self.settings.identity}_{os.getpid()}",
            changed=partial(self._lease_changed, component),
            annotations=annotations,
        )
        self._leases.append(hold)
        return hold

    def add(self, component: str, reconcile: Reconcile, interest: Interest, lease: LeaseHold) -> None:
        """A component that reconciles Incidents while it holds its Lease."""

        async def led(namespace: str, name: str) -> float | None:
            return await reconcile(namespace, name) if lease.held() else None

        queue = WorkQueue(component, led, workers=self.settings.workers, telemetry=self.telemetry)
        self.telemetry.works(component, queue)
        self._subscribers.append(Subscriber(queue, interest))

    def count_open_incidents(self) -> None:
        """Show what the watch sees, too."""
        self._open_incidents = OpenIncidents(IncidentGauges(self.registry), self.clock)

    def repeat(self, component: str, work: Callable[[], Awaitable[float]], lease: LeaseHold) -> None:
        """Work that is done again after the seconds that it answers, while the Lease is held; retried like the rest."""

        async def led(namespace: str, name: str) -> float:
            return await work() if lease.held() else NOT_IN_CHARGE_SECONDS

        queue = WorkQueue(component, led, workers=1, telemetry=self.telemetry)
        self.telemetry.works(component, queue)
        queue.add(Key("", component))
        self._subscribers.append(Subscriber(queue, lambda body: None))

    def serve(self, service: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Something else that runs until ``stop`` is set: the gateway's HTTP server. Begun by ``run`` only."""
        self._services.append(service)

    async def run(self) -> None:
        """Until SIGTERM or SIGINT. Raises what a part raised, and ``PartEnded`` when one ended without being asked."""
        self._listen_to_signals()
        show = self._open_incidents.show if self._open_incidents is not None else None
        health = HealthServer(self.settings.health_bind, self.registry, self._alive, self._ready, before_scrape=show)
        if self._subscribers:
            await health.start()
        work = [asyncio.create_task(s.queue.run(), name=f"queue {s.queue.component}") for s in self._subscribers]
        leases = [asyncio.create_task(lease.run(), name="lease") for lease in self._leases]
        others = [asyncio.create_task(service(), name="server") for service in self._services]
        others.append(asyncio.create_task(self._stopped(), name="signals"))
        if self._subscribers:
            others.append(asyncio.create_task(self._watch(), name="watch"))
        _log.info("Started", components=[s.queue.component for s in self._subscribers])
        try:
            done, _ = await asyncio.wait([*work, *leases, *others], return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
            if not self.stop.is_set():
                # Ending quietly would look like having been asked to: whoever restarts us must see a failure.
                parts = ", ".join(sorted(part.get_name() for part in done))
                raise PartEnded(f"{parts} ended by itself; the process cannot work without it")
        finally:
            await self._end(work, leases, others)
            await health.stop()
            _log.info("Stopped")

    def _listen_to_signals(self) -> None:
        for asked in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(asked, self._asked_to_stop, asked.name)

    def _asked_to_stop(self, by: str) -> None:
        _log.info("Asked to stop", signal=by)
        self.stop.set()

    async def _stopped(self) -> None:
        await self.stop.wait()

    async def _watch(self) -> None:
        also = [self._open_incidents] if self._open_incidents is not None else []
        await watch(
            self._transport,
            [*self._subscribers, *also],
            stop=self.stop,
            ready=self._watching,
            trouble=self._readiness.trouble,
            signals=self._listen_to_signals,
        )

    async def _end(
        self, work: list[asyncio.Task[None]], leases: list[asyncio.Task[None]], others: list[asyncio.Task[None]]
    ) -> None:
        """Begin nothing new, finish what was begun while the Leases are still held, give them back, disconnect."""
        self.stop.set()
        for subscriber in self._subscribers:
            subscriber.queue.stop()
        await _finish(work)
        for task in leases:
            task.cancel()
        await _finish(leases)
        await asyncio.gather(*(hold.release() for hold in self._leases))
        await _finish(others)
        if self.metrics is not None:
            await self.metrics.close()
        await self._base.close()

    def _lease_changed(self, component: str, held: bool) -> None:
        self.telemetry.lease(component, held)
        if held:
            for subscriber in self._subscribers:
                if subscriber.queue.component == component:
                    subscriber.look_again()

    def _alive(self) -> str:
        stuck = [s.queue.component for s in self._subscribers if s.queue.busiest_seconds() > STUCK_SECONDS]
        return f"a reconcile of {', '.join(stuck)} runs for more than {STUCK_SECONDS:.0f} s" if stuck else ""

    async def _ready(self) -> str:
        trouble = await self._readiness.trouble()
        return trouble or ("" if self._watching.is_set() else "Incidents are not being watched yet")


async def _finish(tasks: list[asyncio.Task[None]]) -> None:
    """Wait for a while, then insist."""
    if tasks:
        await asyncio.wait(tasks, timeout=GRACE_SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
