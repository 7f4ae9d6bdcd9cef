"""The HTTP surface: Alertmanager's webhook, health, metrics and OpenAPI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from incident_commander import errors
from incident_commander.adapters.readiness import Readiness
from incident_commander.api.incident import Alert
from incident_commander.gateway.admission import Admission
from incident_commander.gateway.body import read_body
from incident_commander.gateway.logbook import RefusalLog
from incident_commander.gateway.metrics import GatewayMetrics
from incident_commander.gateway.openapi import ALERTS_PATH, describe
from incident_commander.gateway.receiver import Receipt, Receiver
from incident_commander.gateway.refusal import HttpRefusal
from incident_commander.gateway.reviewer import Reviewer, User
from incident_commander.gateway.settings import Authentication, GatewaySettings
from incident_commander.intake.payload import parse_notification
from incident_commander.ports import Clock, Cluster

_LONGEST_TOKEN = 16384
_LONGEST_PATH = 128


class Gateway:
    """One gateway: what its endpoints do."""

    def __init__(
        self,
        cluster: Cluster,
        reviewer: Reviewer | None,
        clock: Clock,
        settings: GatewaySettings,
        metrics: GatewayMetrics,
    ) -> None:
        self._clock = clock
        self._reviewer = reviewer
        self._settings = settings
        self._receiver = Receiver(cluster, clock, settings, metrics, reviewer)
        self._admission = Admission(settings.requests_in_flight, settings.bytes_in_flight)
        self._readiness = Readiness(cluster, clock)
        self.refusals = RefusalLog(clock)
        self._metrics = metrics
        self.draining = False
        """Set when the process is asked to end: not ready any more, but what comes is still taken."""
        metrics.pending_bytes.set_function(lambda: self.pending_bytes)
        metrics.pending_requests.set_function(lambda: self._admission.requests)

    @property
    def pending_bytes(self) -> int:
        """Of bodies that are being read or stored."""
        return self._admission.body_bytes

    async def alerts(self, request: Request) -> Response:
        """Alertmanager webhook, version 4. Answers 200 only when every alert is recorded or counted in an Incident."""
        with self._metrics.seconds.time():
            response = await self._answer(request)
        self._metrics.requests.labels(str(response.status_code)).inc()
        return response

    async def healthz(self) -> Response:
        """The process answers."""
        return PlainTextResponse("ok\n")

    async def readyz(self) -> Response:
        """The API server answers, and knows Incidents."""
        trouble = "the process is about to end" if self.draining else await self._readiness.trouble()
        return PlainTextResponse(f"{trouble or 'ok'}\n", 503 if trouble else 200)

    async def metrics(self) -> Response:
        """In Prometheus' text format."""
        return Response(self._metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    async def elsewhere(self, request: Request, error: Exception) -> Response:
        """A path or method that there is not: told like any other refusal, since alerts may be lost there."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        asked = f"{request.method} {request.url.path[:_LONGEST_PATH]}"
        refusal = HttpRefusal(status, f"there is no {asked}; alerts go to POST {ALERTS_PATH}")
        self.refusals.refused(refusal, _client(request), request=asked)
        return self._refused(refusal, dict(getattr(error, "headers", None) or {}))

    async def _answer(self, request: Request) -> Response:
        alerts: list[Alert] = []
        try:
            with self._admission.enter() as ticket:
                async with asyncio.timeout(self._settings.deadline_seconds):
                    user = await self._authenticate(request)
                    limit, seconds = self._settings.body_limit, self._settings.body_seconds
                    body = await read_body(request, ticket, limit=limit, seconds=seconds)
                    notification = parse_notification(body, self._clock.now())
                    alerts += notification.alerts
                    return _acknowledged(await self._receiver.receive(notification, user))
        except (HttpRefusal, errors.InvalidPayload, errors.ClusterError, TimeoutError) as error:
            refusal = self._refusal_of(error)
            self.refusals.refused(refusal, _client(request), alerts=alerts)
            return self._refused(refusal)

    def _refusal_of(self, error: Exception) -> HttpRefusal:
        match error:
            case HttpRefusal():
                return error
            case errors.InvalidPayload():
                return HttpRefusal(400, str(error), field=error.path)
            case errors.Invalid():
                return HttpRefusal(500, f"the API server refused to store an Incident: {error}")
            case errors.ClusterError():
                return HttpRefusal(503, f"not stored, send it again: {error}")
        seconds = self._settings.deadline_seconds
        return HttpRefusal(503, f"not stored within {seconds:g} s; send it again", close=True)

    async def _authenticate(self, request: Request) -> User | None:
        if self._reviewer is None:
            return None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
            raise HttpRefusal(
                401,
                "no bearer token; set http_config.authorization in Alertmanager's webhook_configs to the token of a "
                "ServiceAccount that may create incidents.incidentcommander.io",
                close=True,
            )
        user = await self._reviewer.authenticate(token)
        if user is None:
            raise HttpRefusal(401, "the API server does not accept this token; is it expired?", close=True)
        return user

    def _refused(self, refusal: HttpRefusal, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
        headers = dict(headers)
        if refusal.status == 503:
            headers["Retry-After"] = str(self._settings.retry_after_seconds)
        if refusal.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        if refusal.close:
            headers["Connection"] = "close"
        content = {"error": str(refusal)} | ({"field": refusal.field} if refusal.field else {})
        return _json(content, refusal.status, headers)


class _Application(FastAPI):
    """FastAPI, but for the webhook: its middleware would cost a storm as much again as storing an alert does."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As an ASGI server calls it."""
        if scope["type"] == "http" and scope["path"] == ALERTS_PATH and scope["method"] == "POST":
            response = await self.state.gateway.alerts(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(
    cluster: Cluster,
    reviewer: Reviewer | None,
    clock: Clock,
    settings: GatewaySettings,
    registry: CollectorRegistry | None = None,
) -> FastAPI:
    """The gateway as an ASGI application; ``app.state.gateway`` is the ``Gateway``.

    Raises ``ConfigurationError`` when nobody reviews tokens on an address that others can reach.
    """
    settings.check()
    if (reviewer is None) != (settings.authentication is Authentication.NONE):
        raise errors.ConfigurationError(
            f"gateway: authentication is {settings.authentication.value}, and "
            + ("there is no reviewer of tokens" if reviewer is None else "a reviewer of tokens was given")
        )
    gateway = Gateway(cluster, reviewer, clock, settings, GatewayMetrics(registry))
    app = _Application(title="Incident Commander gateway", version="v1", docs_url=None, redoc_url=None)
    app.state.gateway = gateway

    # What is no POST gets its 405 here.
    app.add_route(ALERTS_PATH, gateway.alerts, methods=["POST"])
    for path, endpoint in (("/healthz", gateway.healthz), ("/readyz", gateway.readyz), ("/metrics", gateway.metrics)):
        app.add_api_route(path, endpoint, description=endpoint.__doc__, response_class=PlainTextResponse)
    app.add_exception_handler(HTTPException, gateway.elsewhere)
    app.openapi = lambda: describe(app, gateway.alerts.__doc__ or "")  # type: ignore[method-assign]
    return app


def _acknowledged(receipt: Receipt) -> Response:
    alerts = [
        {"fingerprint": alert.fingerprint, "fate": settled.fate.value, "incident": settled.incident}
        for alert, settled in receipt.alerts
    ]
    return _json({"alerts": alerts, "truncatedAlerts": receipt.truncated}, 200, {})


def _client(request: Request) -> str:
    return request.client.host if request.client is not None else "unknown"


def _json(content: dict[str, Any], status: int, headers: dict[str, str]) -> Response:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode("utf-8", "replace"), status, headers, "application/json")
