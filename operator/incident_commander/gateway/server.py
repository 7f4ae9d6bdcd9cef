"""Serving the gateway: uvicorn inside of a running loop, with an end that loses nothing."""

from __future__ import annotations

from collections import OrderedDict

import uvicorn
from fastapi import FastAPI

from incident_commander.gateway.connection import BoundedConnection
from incident_commander.gateway.settings import GatewaySettings
from incident_commander.gateway.tls import Certificate

_CONNECTIONS_PER_REQUEST = 2
_BACKLOG = 2048


def server(app: FastAPI, settings: GatewaySettings, certificate: Certificate | None = None) -> uvicorn.Server:
    """A server that is not started yet. Set its ``should_exit`` to end it: POSTs in flight are answered first."""

    class Connection(BoundedConnection):
        header_seconds = settings.header_seconds
        most_connections = settings.requests_in_flight * _CONNECTIONS_PER_REQUEST
        retry_after_seconds = settings.retry_after_seconds
        silent: OrderedDict[BoundedConnection, None] = OrderedDict()
        refusals = app.state.gateway.refusals

    config = uvicorn.Config(
        app,
        http=Connection,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        backlog=_BACKLOG,
        timeout_keep_alive=int(settings.header_seconds),
        timeout_graceful_shutdown=settings.shutdown_seconds,
        ssl_context_factory=(lambda *_: certificate.context) if certificate is not None else None,
    )
    return uvicorn.Server(config)


async def serve(app: FastAPI, settings: GatewaySettings) -> None:
    """Serve until SIGTERM or SIGINT; returns when the POSTs that were in flight are answered."""
    await server(app, settings).serve()
