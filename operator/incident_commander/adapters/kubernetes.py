"""The real cluster: ``ports.Cluster`` over HTTP with plain dictionaries."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from incident_commander import errors
from incident_commander.adapters.kube_transport import Identity, RequestObserver, Transport, decode
from incident_commander.api.kinds import POD, Kind
from incident_commander.ports import Object, PatchType, Propagation

_PAGE = 500
_LIST_STARTS = 3
_OFFERED_SECONDS = 600.0
_MISSING_SECONDS = 30.0
"""An absent resource is asked for again soon: its CRD may be installed after us."""
_LOG_HEADROOM = 8

_Objects = list[Object]


class KubernetesCluster:
    """An API server, seen with one identity.

    Every call has a time-out. Reads are tried again a few times; writes never: whether a lost write was
    carried out is for the caller to find out by reading. Close with ``close()`` (only the one that connected).
    """

    def __init__(self, transport: Transport, identity: Identity) -> None:
        self._transport = transport
        self._identity = identity
        self._offered: dict[str, tuple[float, frozenset[str]]] = {}

    @classmethod
    async def connect(
        cls,
        kubeconfig: str | None = None,
        context: str | None = None,
        *,
        impersonate: str | None = None,
        user_agent: str = "incident-commander",
    ) -> KubernetesCluster:
        """Load credentials (no request is made). Raises ``ConfigurationError`` when there are none."""
        transport = await Transport.connect(kubeconfig, context)
        return cls(transport, Identity(user_agent=user_agent, impersonate=impersonate))

    def seen_as(
        self,
        user_agent: str,
        *,
        impersonate: str | None = None,
        observe: RequestObserver | None = None,
    ) -> KubernetesCluster:
        """The same API server over the same connections, with another identity.

        ``impersonate`` None keeps the credentials' own user. ``observe`` is told of every request.
        """
        identity = replace(self._identity, user_agent=user_agent, impersonate=impersonate)
        if observe is not None:
            identity = replace(identity, observe=observe)
        return KubernetesCluster(self._transport, identity)

    async def close(self) -> None:
        """Close the connections, which all identities of ``seen_as`` share."""
        await self._transport.close()

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """One object."""
        path = kind.path(namespace, name)
        return decode(f"GET {path}", await self._transport.read(self._identity, path))

    async def list(
        self, kind: Kind, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> list[Object]:
        """All objects; started over when the server forgot where the pages were (410)."""
        query: dict[str, str | int] = {"limit": _PAGE}
        if labels:
            query["labelSelector"] = labels
        if fields:
            query["fieldSelector"] = fields
        path = kind.path(namespace)
        for _ in range(_LIST_STARTS):
            try:
                return await self._pages(kind, path, query)
            except errors.Conflict as error:
                if error.status != 410:
                    raise
        raise errors.Unavailable(f"GET {path}: the list changed faster than it could be read", reason="Expired")

    async def _pages(self, kind: Kind, path: str, query: Mapping[str, str | int]) -> _Objects:
        found: _Objects = []
        token = ""
        while True:
            page = query if not token else {**query, "continue": token}
            answer = decode(f"GET {path}", await self._transport.read(self._identity, path, page))
            for item in answer.get("items") or []:
                item.setdefault("apiVersion", kind.api_version)
                item.setdefault("kind", kind.kind)
                found.append(item)
            token = (answer.get("metadata") or {}).get("continue") or ""
            if not token:
                return found

    async def create(
        self, kind: Kind, namespace: str | None, body: Object, *, dry_run: bool = False, field_manager: str = ""
    ) -> Object:
        """Create; answers the stored object."""
        path = kind.path(namespace)
        content = await self._transport.send(self._identity, "POST", path, _options(dry_run, field_manager), body)
        return decode(f"POST {path}", content)

    async def patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        body: Any,
        *,
        patch_type: PatchType,
        subresource: str | None = None,
        dry_run: bool = False,
        field_manager: str = "",
    ) -> Object:
        """Patch; answers the stored object. A JSON Patch with ``test`` operations that does not apply is a Conflict."""
        path = kind.path(namespace, name, subresource)
        query = _options(dry_run, field_manager)
        content = await self._transport.send(self._identity, "PATCH", path, query, body, patch_type.value)
        return decode(f"PATCH {path}", content)

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation | None = None,
        dry_run: bool = False,
    ) -> None:
        """Delete with preconditions (Conflict when they do not hold)."""
        body = _delete_options(uid, resource_version, dry_run) | {"apiVersion": "v1", "kind": "DeleteOptions"}
        if propagation is not None:
            body["propagationPolicy"] = propagation.value
        # The server obeys the options; the query is what an audit log without bodies shows of a dry-run.
        query = _options(dry_run, "")
        await self._transport.send(self._identity, "DELETE", kind.path(namespace, name), query, body)

    async def evict(
        self,
        namespace: str,
        pod: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> None:
        """Evict a pod with preconditions. Raises ``DisruptionRefused`` when a budget does not allow it."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"namespace": namespace, "name": pod},
            "deleteOptions": _delete_options(uid, resource_version, dry_run),
        }
        # The dry-run stands in both places: admission looks at the query, the registry at the options.
        query = _options(dry_run, "")
        await self._transport.send(self._identity, "POST", POD.path(namespace, pod, "eviction"), query, body)

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool = False,
        tail_lines: int = 200,
        limit_bytes: int = 262_144,
    ) -> str:
        """The end of a container's log.

        The server's own byte limit cuts the end off, not the beginning; so more is asked for and cut here.
        """
        query: dict[str, str | int] = {
            "container": container,
            "tailLines": tail_lines,
            "limitBytes": limit_bytes * _LOG_HEADROOM,
        }
        if previous:
            query["previous"] = "true"
        try:
            content = await self._transport.send(self._identity, "GET", POD.path(namespace, pod, "log"), query)
        except (errors.Invalid, errors.NotFound, errors.Unavailable) as error:
            which = "previous log" if previous else "log"
            raise errors.LogsUnavailable(f"no {which} of {namespace}/{pod}/{container}: {error}") from error
        return content[-limit_bytes:].decode("utf-8", "replace")

    async def offers(self, kind: Kind, subresource: str | None = None, *, fresh: bool = False) -> bool:
        """Whether discovery lists the resource; remembered for some minutes, unless it is to be ``fresh``."""
        name = kind.plural if subresource is None else f"{kind.plural}/{subresource}"
        return name in await self._discover(kind, fresh)

    async def _discover(self, kind: Kind, fresh: bool) -> frozenset[str]:
        path = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
        now = asyncio.get_running_loop().time()
        known = self._offered.get(path)
        if known is not None and now < known[0] and not fresh:
            return known[1]
        try:
            answer = decode(f"GET {path}", await self._transport.read(self._identity, path))
        except errors.NotFound:
            answer = {}
        names = frozenset(str(entry.get("name")) for entry in answer.get("resources") or [])
        self._offered[path] = (now + (_OFFERED_SECONDS if kind.plural in names else _MISSING_SECONDS), names)
        return names


def _delete_options(uid: str | None, resource_version: str | None, dry_run: bool) -> dict[str, Any]:
    options: dict[str, Any] = {}
    preconditions = {"uid": uid, "resourceVersion": resource_version}
    if uid is not None or resource_version is not None:
        options["preconditions"] = {key: value for key, value in preconditions.items() if value is not None}
    if dry_run:
        options["dryRun"] = ["All"]
    return options


def _options(dry_run: bool, field_manager: str) -> dict[str, str | int]:
    query: dict[str, str | int] = {}
    if dry_run:
        query["dryRun"] = "All"
    if field_manager:
        query["fieldManager"] = field_manager
    return query
