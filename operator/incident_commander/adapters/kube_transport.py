"""HTTP to the API server: where it is, who we are, time-outs, and retries of reads.

Credentials come from ``kubernetes.aio.config`` (kubeconfig with any of its login ways, or the pod's
ServiceAccount); the typed models of that package are never loaded, which halves a process.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from incident_commander import errors
from incident_commander.adapters.kube_json import encode
from incident_commander.adapters.kube_status import error_from_answer
from incident_commander.adapters.kubeconfig import check_kubeconfig

_READ_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
_WRITE_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
"""Admission webhooks may hold a write for up to 30 s; giving up earlier would leave its outcome unknown."""
_READ_ATTEMPTS = 3
_FIRST_BACKOFF_SECONDS = 0.2
_LONGEST_BACKOFF_SECONDS = 5.0
_POOL_SIZE = 64

RequestObserver = Callable[[str, int, float], None]
"""Told of each finished HTTP request: method, status (0 when none came), seconds."""
Listener = Callable[[str, float], None]
"""Told of each exchange that we did not give up: why no answer came (empty: one did), and after how many seconds."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the API server is and how to log in: for a library that has its own HTTP client."""

    server: str
    authorization: str
    """Value of the header, for example ``Bearer ...``; empty with a client certificate."""
    ca_file: str | None
    insecure: bool
    certificate_file: str | None
    key_file: str | None


def _unobserved(method: str, status: int, seconds: float) -> None:
    """Nobody counts."""


def _unheard(problem: str, seconds: float) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose requests these are. ``impersonate`` is a user name, e.g. ``system:serviceaccount:ns:name``."""

    user_agent: str = "incident-commander"
    impersonate: str | None = None
    observe: RequestObserver = _unobserved


class Transport:
    """One connection pool to one API server; several identities may share it."""

    def __init__(self, configuration: Configuration, reload: Callable[[], Any] | None = None) -> None:
        self._configuration = configuration
        self._reload = reload
        self._rest = RESTClientObject(configuration)
        self.listener: Listener = _unheard

    @classmethod
    async def connect(cls, kubeconfig: str | None = None, context: str | None = None) -> Transport:
        """Load credentials; no request is made yet.

        Order: the named kubeconfig, ``$KUBECONFIG``, the pod's ServiceAccount, ``~/.kube/config``.
        Raises ``ConfigurationError`` that says where it looked.
        """
        path = kubeconfig or os.environ.get("KUBECONFIG") or None
        configuration = Configuration()
        configuration.connection_pool_maxsize = _POOL_SIZE
        if path is None and context is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
            try:
                load_incluster_config(client_configuration=configuration)
            except (ConfigException, OSError) as error:
                raise errors.ConfigurationError(
                    f"this looks like a pod (KUBERNETES_SERVICE_HOST is set), but its ServiceAccount cannot be used: "
                    f"{error}. Set automountServiceAccountToken: true, or name a file with --kubeconfig"
                ) from error
            return cls(configuration)
        where = path or str(Path.home() / ".kube" / "config")
        check_kubeconfig(where, context)

        async def load() -> None:
            await load_kube_config(
                config_file=where, context=context, client_configuration=configuration, persist_config=False
            )

        try:
            await load()
        except (ConfigException, OSError, ValueError, TypeError) as error:
            raise errors.ConfigurationError(
                f"no API server: kubeconfig {where} cannot be used"
                + (f" with context {context}" if context else "")
                + f" ({error}). Set KUBECONFIG or --kubeconfig to a file that kubectl accepts, "
                "or run in a pod with a ServiceAccount"
            ) from error
        return cls(configuration, load)

    async def close(self) -> None:
        """Close all connections."""
        await self._rest.close()

    async def credentials(self) -> Credentials:
        """Fresh ones: a token that was rotated or has run out is read again."""
        if self._reload is not None:
            await self._reload()
        found = self._configuration
        return Credentials(
            server=str(found.host),
            authorization=await found.get_api_key_with_prefix("BearerToken") or "",
            ca_file=found.ssl_ca_cert,
            insecure=not found.verify_ssl,
            certificate_file=found.cert_file,
            key_file=found.key_file,
        )

    async def read(self, identity: Identity, path: str, query: Mapping[str, str | int] | None = None) -> bytes:
        """GET, tried again (with jitter) when the server is throttling or away.

        A ``Retry-After`` that is longer than we would wait is left to the caller.
        """
        delay = _FIRST_BACKOFF_SECONDS
        for _ in range(_READ_ATTEMPTS - 1):
            try:
                return await self.send(identity, "GET", path, query)
            except errors.Throttled as error:
                if error.retry_after > _LONGEST_BACKOFF_SECONDS:
                    raise
                delay = max(delay, error.retry_after)
            except errors.Unavailable:
                pass
            await asyncio.sleep(delay * random.uniform(1.0, 1.5))
            delay = min(delay * 4, _LONGEST_BACKOFF_SECONDS)
        return await self.send(identity, "GET", path, query)

    async def send(
        self,
        identity: Identity,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> bytes:
        """One request, once (twice where the first was refused for stale credentials). Raises a ClusterError."""
        answer = await self._exchange(identity, method, path, query, body, content_type)
        if answer[0] == 401 and self._reload is not None:
            # A kubeconfig's login program hands out tokens of some minutes; 401 means that nothing was done.
            await self._reload()
            answer = await self._exchange(identity, method, path, query, body, content_type)
        status, headers, content = answer
        if status >= 400:
            guarded = isinstance(body, list) and any(isinstance(op, dict) and op.get("op") == "test" for op in body)
            raise error_from_answer(f"{method} {path}", status, headers, content, guarded=guarded)
        return content

    def _session(self) -> aiohttp.ClientSession:
        """The client library's connections. Its ``request`` would encode bodies in a way that fails ``test``s."""
        if self._rest.pool_manager is None:
            self._rest.pool_manager = self._rest._create_pool_manager()
        session: aiohttp.ClientSession = self._rest.pool_manager
        return session

    async def _exchange(
        self,
        identity: Identity,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: Any,
        content_type: str,
    ) -> tuple[int, Mapping[str, str], bytes]:
        headers = {"Accept": "application/json", "User-Agent": identity.user_agent, "Content-Type": content_type}
        if identity.impersonate is not None:
            headers["Impersonate-User"] = identity.impersonate
        token = await self._configuration.get_api_key_with_prefix("BearerToken")
        if token:
            headers["Authorization"] = token
        url = self._configuration.host + path + ("?" + urlencode(query) if query else "")
        clock = asyncio.get_running_loop().time
        started, status = clock(), 0
        try:
            response = await self._session().request(
                method,
                url,
                headers=headers,
                data=None if body is None else encode(body),
                timeout=_READ_TIMEOUT if method == "GET" else _WRITE_TIMEOUT,
                proxy=self._rest.proxy,
                proxy_headers=self._rest.proxy_headers,
                server_hostname=self._configuration.tls_server_name,
            )
            content = bytes(await response.read())
            status = int(response.status)
            self.listener("", clock() - started)
            return status, response.headers, content
        except (aiohttp.ClientError, OSError) as error:
            late = isinstance(error, TimeoutError)
            problem = f"{method} {path}: " + ("no answer in time" if late else f"{type(error).__name__}: {error}")
            self.listener(problem, clock() - started)
            raise errors.Unavailable(problem, status=0, reason="Timeout" if late else "NoAnswer") from error
        finally:
            identity.observe(method, status, clock() - started)


def decode(request: str, content: bytes) -> dict[str, Any]:
    """The JSON object in an answer. Raises ``Unavailable``: a proxy's page is no answer of the API server."""
    try:
        value = json.loads(content)
    except ValueError as error:
        raise errors.Unavailable(f"{request}: the answer is not JSON", status=0, reason="NotJSON") from error
    if not isinstance(value, dict):
        raise errors.Unavailable(f"{request}: the answer is not a JSON object", status=0, reason="NotJSON")
    return value
