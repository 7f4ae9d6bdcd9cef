"""HTTP to a service, from a pod or from a workstation: directly, else through the API server's service proxy."""

from __future__ import annotations

import re

import aiohttp
from yarl import URL

from incident_commander import errors
from incident_commander.adapters.kube_transport import Identity, Transport
from incident_commander.adapters.reached import Reached

_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=3)
_LARGEST = 4 * 1024 * 1024
_SERVICE = re.compile(r"^(?P<name>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)(\.svc(\.[a-z0-9.-]+)?)?$")


class Reach:
    """GET only. A proxy of the API server passes no bearer token on, so nothing secret is sent."""

    def __init__(self, transport: Transport, user_agent: str) -> None:
        self._transport = transport
        self._identity = Identity(user_agent=user_agent)

    async def get(self, url: str) -> Reached:
        """Any status is an answer. Raises ``errors.Unavailable`` that names both ways when neither works."""
        try:
            return await self._directly(url)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # Names of Services resolve in the cluster only.
            direct = str(error) or type(error).__name__
        path = proxy_path(url)
        if path is None:
            raise errors.Unavailable(f"{url}: {direct}")
        try:
            body = await self._transport.send(self._identity, "GET", path)
        except errors.ClusterError as error:
            raise errors.Unavailable(f"{url}: directly: {direct}; through the API server: {error}") from error
        return Reached(200, body[:_LARGEST], "through the API server")

    async def _directly(self, url: str) -> Reached:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            return Reached(answer.status, await answer.content.read(_LARGEST), "directly")


def proxy_path(url: str) -> str | None:
    """The API server's path to a Service's URL, such as ``http://prometheus.monitoring.svc:9090/-/ready``; or None."""
    address = URL(url)
    found = _SERVICE.match(address.host or "")
    if found is None or address.scheme not in ("http", "https"):
        return None
    name = f"{address.scheme}:{found['name']}:{address.port}"
    query = f"?{address.raw_query_string}" if address.raw_query_string else ""
    return f"/api/v1/namespaces/{found['namespace']}/services/{name}/proxy{address.raw_path}{query}"
