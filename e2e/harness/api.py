"""The API server as the administrator, through `kubectl proxy`: every way to log in that kubectl knows works here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from e2e.harness.waiting import Failure

Json = dict[str, Any]

INCIDENTS = "/apis/incidentcommander.io/v1alpha1"
_FIELD_MANAGER = "incident-commander-e2e"
_TIMEOUT = aiohttp.ClientTimeout(total=30)


class ApiError(Failure):
    """The API server's refusal."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """Requests by path. ``async with`` starts and ends the proxy, which listens in ``folder`` only."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "kube-api.sock"
        self._proxy: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Api:
        self._proxy = await asyncio.create_subprocess_exec(
            "kubectl",
            "proxy",
            f"--unix-socket={self._socket}",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._proxy.stdout is not None
        said = await asyncio.wait_for(self._proxy.stdout.readline(), 20)
        if not self._socket.exists():
            raise Failure(f"kubectl proxy does not start: {said.decode().strip()}")
        connector = aiohttp.UnixConnector(str(self._socket), limit=32)
        self._session = aiohttp.ClientSession("http://localhost", connector=connector, timeout=_TIMEOUT)
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()
        if self._proxy is not None and self._proxy.returncode is None:
            self._proxy.terminate()
            await self._proxy.wait()

    async def get(self, path: str, **query: str) -> Json:
        """One object, or a list."""
        return await self._request("GET", path, query=query)

    async def find(self, path: str) -> Json | None:
        """One object, or None where it does not exist."""
        try:
            return await self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def items(self, path: str, **query: str) -> list[Json]:
        """The items of a list."""
        found = (await self.get(path, **query)).get("items") or []
        return list(found)

    async def post(self, path: str, body: Json) -> Json:
        """Create."""
        return await self._request("POST", path, body)

    async def put(self, path: str, body: Json) -> Json:
        """Replace."""
        return await self._request("PUT", path, body)

    async def merge(self, path: str, body: Json) -> Json:
        """Strategic merge patch for built-in kinds, as `kubectl patch` does it."""
        return await self._request("PATCH", path, body, content_type="application/strategic-merge-patch+json")

    async def delete(self, path: str) -> None:
        """Delete, if it exists."""
        try:
            await self._request("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise

    async def apply(self, documents: Sequence[Json]) -> None:
        """Server-side apply, in the given order."""
        for document in documents:
            query = {"fieldManager": _FIELD_MANAGER, "force": "true"}
            await self._request("PATCH", path_of(document), document, "application/apply-patch+yaml", query)

    async def _request(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        content_type: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Json:
        assert self._session is not None, "use `async with`"
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type} if data is not None else {}
        async with self._session.request(method, path, params=query, data=data, headers=headers) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise ApiError(answer.status, f"{method} {path}: {answer.status} {_message(text)}")
            found: Json = json.loads(text)
            return found


def path_of(document: Json) -> str:
    """The URL path of an object that is written down in full."""
    version, kind, meta = document["apiVersion"], document["kind"], document["metadata"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = f"/namespaces/{meta['namespace']}" if meta.get("namespace") else ""
    name = kind.lower()
    plural = f"{name[:-1]}ies" if name.endswith("y") else f"{name}es" if name.endswith("s") else f"{name}s"
    return f"{base}{namespace}/{plural}/{meta['name']}"


def deployment(namespace: str, name: str) -> str:
    """The path of a Deployment."""
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"


def incidents(namespace: str) -> str:
    """The path of a namespace's Incidents."""
    return f"{INCIDENTS}/namespaces/{namespace}/incidents"


def _message(text: str) -> str:
    try:
        return str(json.loads(text).get("message", text))[:1000]
    except (json.JSONDecodeError, AttributeError):
        return text[:1000]
