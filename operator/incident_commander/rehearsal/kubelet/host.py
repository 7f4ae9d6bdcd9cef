"""What a container needs of the pod that it runs in."""

from __future__ import annotations

from typing import Any, Protocol

from incident_commander.ports import Object
from incident_commander.rehearsal.behaviour import Registry
from incident_commander.rehearsal.clock import VirtualClock


class Host(Protocol):
    """What a container needs of its pod's worker."""

    clock: VirtualClock
    registry: Registry

    @property
    def alive(self) -> bool:
        """Whether the pod is still there."""
        ...

    @property
    def pod(self) -> Object:
        """The newest state of the pod."""
        ...

    def event(self, type_: str, reason: str, message: str, container: str) -> None:
        """Record an Event about a container."""
        ...

    def environment(self, container: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        """(environment, files). Raises ``ConfigMissing``."""
        ...

    def changed(self) -> None:
        """Report the state of the containers."""
        ...


class ConfigMissing(Exception):
    """A ConfigMap, Secret or key that the container refers to does not exist."""
