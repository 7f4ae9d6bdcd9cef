"""Liveness, readiness and metrics of a process, over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from incident_commander.errors import ConfigurationError
from incident_commander.settings import Address

Probe = Callable[[], str]
"""Empty when all is well, else what is wrong."""
AskingProbe = Callable[[], Awaitable[str]]
"""The same, where somebody else has to be asked."""


class HealthServer:
    """``/healthz`` (stuck?), ``/readyz`` (does it do its work?), ``/metrics``.

    ``before_scrape`` brings up to date what is only counted when somebody asks.
    """

    def __init__(
        self,
        address: Address,
        registry: CollectorRegistry,
        alive: Probe,
        ready: AskingProbe,
        *,
        before_scrape: Callable[[], None] | None = None,
    ) -> None:
        self._address = address
        self._registry = registry
        self._alive = alive
        self._ready = ready
        self._before_scrape = before_scrape
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Raises ``ConfigurationError`` when the address cannot be listened on."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        where = self._address
        try:
            await web.TCPSite(self._runner, where.host, where.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigurationError(
                f"INCIDENT_COMMANDER_HEALTH_BIND: cannot listen on {where.host}:{where.port} ({error.strerror}); "
                "choose another port, for example 127.0.0.1:8082"
            ) from error

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return _answer(self._alive())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer(await self._ready())

    async def _metrics(self, _: web.Request) -> web.Response:
        if self._before_scrape is not None:
            self._before_scrape()
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answer(problem: str) -> web.Response:
    return web.Response(text=(problem or "ok") + "\n", status=503 if problem else 200)
