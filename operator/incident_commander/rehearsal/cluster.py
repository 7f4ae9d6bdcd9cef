"""``ports.Cluster`` over the API-server model, seen with one identity: audited, authorised, and made to fail."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from incident_commander import errors
from incident_commander.api.kinds import Kind
from incident_commander.ports import Object, PatchType, Propagation
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.eviction import evict
from incident_commander.rehearsal.faults import Call, Faults
from incident_commander.rehearsal.identities import admit, authorize

_T = TypeVar("_T")
_FASTEST_SECONDS, _SLOWEST_SECONDS = 0.002, 0.012


class LogSource(Protocol):
    """Where a container's output is kept (the kubelet)."""

    def read(self, namespace: str, pod: str, container: str, *, previous: bool) -> list[str]:
        """All lines. Raises ``NotFound`` or ``LogsUnavailable``."""
        ...


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One request and how it was answered (``code`` is the HTTP status; 0: the caller died before it arrived)."""

    at: datetime
    call: Call
    code: int


class Audit:
    """Every request of every identity, in order."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def writes(
        self, *, user: str | None = None, resource: str | None = None, accepted: bool = True
    ) -> list[AuditEntry]:
        """Requests that change something (dry-runs do not); by default only those that were accepted."""
        return [
            entry
            for entry in self.entries
            if entry.call.writes
            and (user is None or entry.call.user == user)
            and (resource is None or entry.call.resource == resource)
            and (not accepted or 200 <= entry.code < 400)
        ]


class RehearsedCluster:
    """One identity's view. Every call takes a few virtual milliseconds, in which the world goes on."""

    def __init__(
        self, api: ApiServer, logs: LogSource, audit: Audit, faults: Faults, rng: random.Random, user: str
    ) -> None:
        self._api = api
        self._logs = logs
        self._audit = audit
        self._faults = faults
        self._rng = rng
        self.user = user

    def as_(self, user: str) -> RehearsedCluster:
        """The same cluster, seen with another identity."""
        return RehearsedCluster(self._api, self._logs, self._audit, self._faults, self._rng, user)

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """See ``ports.Cluster``."""
        call = Call(self.user, "get", kind.resource, namespace, name)
        return self._carry_out(call, lambda: self._api.get(kind, namespace, name))

    async def list(
        self, kind: Kind, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> list[Object]:
        """See ``ports.Cluster``."""
        call = Call(self.user, "list", kind.resource, namespace)
        return self._carry_out(call, lambda: self._api.list(kind, namespace, labels, fields))

    async def create(
        self, kind: Kind, namespace: str | None, body: Object, *, dry_run: bool = False, field_manager: str = ""
    ) -> Object:
        """See ``ports.Cluster``."""
        name = str((body.get("metadata") or {}).get("name", ""))
        call = Call(self.user, "create", kind.resource, namespace, name, None, dry_run)
        return self._carry_out(
            call,
            lambda: self._api.create(
                kind, namespace, body, dry_run=dry_run, admit=lambda new, old: admit(call, new, old)
            ),
        )

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
        """See ``ports.Cluster``."""
        call = Call(self.user, "patch", kind.resource, namespace, name, subresource, dry_run)
        return self._carry_out(
            call,
            lambda: self._api.patch(
                kind,
                namespace,
                name,
                body,
                patch_type,
                subresource=subresource,
                dry_run=dry_run,
                admit=lambda new, old: admit(call, new, old),
            ),
        )

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
        """See ``ports.Cluster``."""
        call = Call(self.user, "delete", kind.resource, namespace, name, None, dry_run)
        self._carry_out(
            call,
            lambda: self._api.delete(
                kind,
                namespace,
                name,
                uid=uid,
                resource_version=resource_version,
                propagation=propagation,
                dry_run=dry_run,
            ),
        )

    async def evict(
        self,
        namespace: str,
        pod: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> None:
        """See ``ports.Cluster``."""
        call = Call(self.user, "create", "pods", namespace, pod, "eviction", dry_run)
        self._carry_out(
            call, lambda: evict(self._api, namespace, pod, uid=uid, resource_version=resource_version, dry_run=dry_run)
        )

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
        """See ``ports.Cluster``."""
        call = Call(self.user, "logs", "pods", namespace, pod, "log")
        lines = self._carry_out(call, lambda: self._logs.read(namespace, pod, container, previous=previous))
        text = "".join(f"{line}\n" for line in lines[-tail_lines:])
        return text.encode()[-limit_bytes:].decode("utf-8", "replace")

    async def offers(self, kind: Kind, subresource: str | None = None, *, fresh: bool = False) -> bool:
        """See ``ports.Cluster``."""
        return self._api.offers(kind, subresource)

    def _carry_out(self, call: Call, work: Callable[[], _T]) -> _T:
        self._api.clock.advance(self._rng.uniform(_FASTEST_SECONDS, _SLOWEST_SECONDS))
        code = 0
        try:
            later = self._faults.strike(call)
            authorize(call)
            answer = work()
            code = 201 if call.verb == "create" else 200
        except errors.ClusterError as error:
            code = error.status
            raise
        finally:
            self._audit.entries.append(AuditEntry(self._api.clock.now(), call, code))
        if later is not None:
            raise later
        return answer
