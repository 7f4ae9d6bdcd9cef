"""The half of ``ports.Cluster`` that neither a bundle nor a recorder offers."""

from __future__ import annotations

from typing import Any

from incident_commander.api.kinds import Kind
from incident_commander.errors import Forbidden
from incident_commander.ports import Object, PatchType, Propagation


class ReadOnly:
    """Every write raises ``Forbidden``."""

    async def create(
        self, kind: Kind, namespace: str | None, body: Object, *, dry_run: bool = False, field_manager: str = ""
    ) -> Object:
        """Refused."""
        raise _refused()

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
        """Refused."""
        raise _refused()

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
        """Refused."""
        raise _refused()

    async def evict(
        self,
        namespace: str,
        pod: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> None:
        """Refused."""
        raise _refused()


def _refused() -> Forbidden:
    return Forbidden("a bundle is a record: nothing can be written to it")
