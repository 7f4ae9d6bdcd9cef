"""The real Prometheus (or Thanos, Mimir, VictoriaMetrics: the same HTTP API)."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import aiohttp
import structlog
from yarl import URL

from incident_commander.adapters.prometheus_json import parse_result
from incident_commander.errors import ConfigurationError, MetricsUnavailable, QueryRefused
from incident_commander.ports import Query, Series

_LARGEST_ANSWER = 16 * 1024 * 1024
_CHUNK = 65536
_PARALLEL = 8
_PAUSE_SECONDS = 0.3
_PASSING = frozenset({502, 503, 504})
"""Statuses of a proxy in between, or of a Prometheus that is starting: worth a second try."""
_NO_PROMQL = "bad_data"
"""``errorType`` of a query that cannot be parsed; our other parameters are always right."""

_log = structlog.get_logger(__name__)


class PrometheusMetrics:
    """``ports.Metrics`` over ``/api/v1/query`` and ``/api/v1/query_range``.

    ``url`` may carry ``user:password@``; ``token_file`` is read for each request, so that it may be rotated.
    ``ca_file`` (PEM) is what is trusted in place of the public authorities.
    ``observe`` is told of each query whether it was answered, and after how many seconds.
    NaN is no data and is left out; infinities are values. Answers are bounded in time and size.
    """

    def __init__(
        self,
        url: str,
        *,
        token_file: Path | None = None,
        ca_file: Path | None = None,
        timeout_seconds: float = 10.0,
        largest: int = _LARGEST_ANSWER,
        observe: Callable[[bool, float], None] | None = None,
    ) -> None:
        address = URL(url)
        if address.scheme not in ("http", "https") or not address.host:
            raise ConfigurationError(
                f"INCIDENT_COMMANDER_PROMETHEUS_URL is {url!r}; it must be like http://prometheus.monitoring.svc:9090"
            )
        self._base = address.with_user(None).with_query(None).with_fragment(None)
        self._login = aiohttp.encode_basic_auth(address.user, address.password or "") if address.user else None
        self._token_file = token_file
        self._tls = _trusting(ca_file)
        self._timeout = timeout_seconds
        self._largest = largest
        self._observe = observe
        self._slots = asyncio.Semaphore(_PARALLEL)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def query(self, query: Query, at: datetime) -> list[Series]:
        """Instant query; each series has one point. A scalar is one series without labels."""
        return await self._ask(query, "query", {"time": f"{at.timestamp():.3f}"})

    async def query_range(self, query: Query, start: datetime, end: datetime, step_seconds: int) -> list[Series]:
        """Range query."""
        times = {"start": f"{start.timestamp():.3f}", "end": f"{end.timestamp():.3f}", "step": str(step_seconds)}
        return await self._ask(query, "query_range", times)

    async def _ask(self, query: Query, endpoint: str, times: Mapping[str, str]) -> list[Series]:
        clock = asyncio.get_running_loop().time
        started, answered = clock(), False
        try:
            found = await self._answer(query, endpoint, times)
            answered = True
            return found
        finally:
            if self._observe is not None:
                self._observe(answered, clock() - started)

    async def _answer(self, query: Query, endpoint: str, times: Mapping[str, str]) -> list[Series]:
        # Thanos and its kin would leave a store's data out without an error; plain Prometheus ignores the parameter.
        form = {"query": query.promql, "timeout": f"{self._timeout:g}s", "partial_response": "false", **times}
        async with self._slots:
            try:
                status, body = await self._post(endpoint, form)
                if status in _PASSING:
                    await asyncio.sleep(_PAUSE_SECONDS)
                    status, body = await self._post(endpoint, form)
            except TimeoutError as error:
                raise MetricsUnavailable(
                    f"{self._base}: no answer to {query.name} within {self._timeout:g} s"
                ) from error
            except (aiohttp.ClientError, OSError) as error:
                raise MetricsUnavailable(f"{self._base}: {type(error).__name__}: {error}") from error
        return self._read(query, status, body)

    async def _post(self, endpoint: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls),
                timeout=aiohttp.ClientTimeout(total=self._timeout, connect=5),
                trust_env=True,
            )
        headers = {"Accept": "application/json"}
        if self._login is not None:
            headers["Authorization"] = self._login
        if self._token_file is not None:
            headers["Authorization"] = f"Bearer {await asyncio.to_thread(self._read_token)}"
        async with self._session.post(self._base / "api/v1" / endpoint, data=dict(form), headers=headers) as answer:
            body = bytearray()
            async for chunk in answer.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > self._largest:
                    raise MetricsUnavailable(
                        f"{self._base}: an answer of more than {self._largest} bytes was refused; "
                        "the query selects too many series"
                    )
            return answer.status, bytes(body)

    def _read_token(self) -> str:
        path = self._token_file
        try:
            return path.read_text().strip() if path is not None else ""
        except OSError as error:
            raise MetricsUnavailable(f"INCIDENT_COMMANDER_PROMETHEUS_TOKEN_FILE: {error}") from error

    def _read(self, query: Query, status: int, body: bytes) -> list[Series]:
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or "status" not in answer:
            shown = body[:200].decode("utf-8", "replace").strip()
            raise MetricsUnavailable(f"{self._base}: {status}, and no answer of the Prometheus API: {shown!r}")
        if answer["status"] != "success":
            told = f"{self._base}: {query.name}: {status} {answer.get('errorType')}: {answer.get('error')}"
            raise QueryRefused(told) if answer.get("errorType") == _NO_PROMQL else MetricsUnavailable(told)
        if answer.get("warnings"):
            _log.warning("Prometheus warned", query=query.name, warnings=answer["warnings"][:3])
        try:
            return parse_result(answer["data"])
        except (KeyError, TypeError, ValueError) as error:
            raise MetricsUnavailable(f"{self._base}: {query.name}: an answer of unknown form ({error!r})") from error


def _trusting(ca_file: Path | None) -> ssl.SSLContext | bool:
    """How Prometheus' certificate is judged. Raises ``ConfigurationError`` that names the file."""
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"INCIDENT_COMMANDER_PROMETHEUS_CA_FILE: {ca_file} cannot be used ({error}); "
            "it must be a CA certificate, PEM"
        ) from error
