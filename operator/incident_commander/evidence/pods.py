"""Reading pods: their containers with spec and status side by side, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from incident_commander.evidence import fields
from incident_commander.ports import Object

_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod. ``path`` is where its status stands, for citations."""

    name: str
    init: bool
    spec: dict[str, Any]
    status: dict[str, Any]
    path: str

    @property
    def waiting(self) -> str:
        """Reason for waiting, or the empty string."""
        return fields.text(self.status, "state", "waiting", "reason")

    @property
    def waiting_message(self) -> str:
        """The kubelet's message about waiting."""
        return fields.text(self.status, "state", "waiting", "message")

    @property
    def running(self) -> bool:
        """Whether the container runs now."""
        return isinstance(fields.value(self.status, "state", "running"), dict)

    @property
    def ready(self) -> bool:
        """Whether the kubelet calls it ready."""
        return fields.flag(self.status, "ready") is True

    @property
    def restarts(self) -> int:
        """``restartCount``."""
        return fields.integer(self.status, "restartCount") or 0

    def termination(self) -> tuple[str, dict[str, Any]] | None:
        """Path and content of the latest termination (current state first), or None."""
        for state in ("state", "lastState"):
            found = fields.mapping(self.status, state, "terminated")
            if found:
                return f"{self.path}.{state}.terminated", found
        return None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A container that does not do its work, and why as far as its status says."""

    pod: str
    container: str
    init: bool
    reason: str
    message: str
    restarts: int
    exit_code: int | None
    newest_revision: bool | None = None
    """Whether its pod is of the newest revision; None when that cannot be told."""


def containers(pod: Object) -> Iterator[Container]:
    """All containers: init first, then regular ones. One without a status yet has an empty status."""
    for specs, statuses, init in (
        ("initContainers", "initContainerStatuses", True),
        ("containers", "containerStatuses", False),
    ):
        known = {
            fields.text(s, "name"): (s, f"status.{statuses}[{n}]")
            for n, s in enumerate(_raw(pod, "status", statuses))
            if isinstance(s, dict)
        }
        for spec in fields.items(pod, "spec", specs):
            status, path = known.pop(fields.text(spec, "name"), ({}, f"status.{statuses}"))
            yield Container(fields.text(spec, "name"), init, spec, status, path)
        for name, (status, path) in known.items():
            yield Container(name, init, {}, status, path)


def container(pod: Object, name: str) -> Container | None:
    """The container of that name, or None."""
    return next((c for c in containers(pod) if c.name == name), None)


def terminating(pod: Object) -> bool:
    """Whether the pod is being deleted."""
    return bool(fields.text(pod, "metadata", "deletionTimestamp"))


def phase(pod: Object) -> str:
    """``status.phase``."""
    return fields.text(pod, "status", "phase")


def ready(pod: Object) -> bool:
    """Whether the pod serves: condition Ready is True and it is not being deleted.

    The kubelet always writes the condition; where a recording left it out, the containers tell.
    """
    if terminating(pod):
        return False
    if told := fields.text(fields.condition(pod, "Ready"), "status"):
        return told == "True"
    serving = [c for c in containers(pod) if not c.init and c.status]
    return phase(pod) == "Running" and bool(serving) and all(c.ready for c in serving)


def finished(pod: Object) -> bool:
    """Whether the pod has ended and will not run again."""
    return phase(pod) in ("Succeeded", "Failed")


def troubles(pod: Object, newest_revision: bool | None = None) -> list[Trouble]:
    """The containers that wait for a reason of their own, have failed, or run without being ready."""
    if phase(pod) == "Succeeded":
        return []
    return [
        Trouble(fields.name(pod), c.name, c.init, reason, message, c.restarts, code, newest_revision)
        for c in containers(pod)
        if (found := _trouble(c)) is not None
        for reason, message, code in [found]
    ]


def restarted_since(pod: Object, since: datetime) -> int:
    """Containers of the pod whose latest end came at or after ``since``; ended init containers do not count."""
    count = 0
    for c in containers(pod):
        ended = fields.moment(c.status, "lastState", "terminated", "finishedAt")
        if ended is not None and ended >= since and c.restarts:
            count += 1
    return count


def _trouble(c: Container) -> tuple[str, str, int | None] | None:
    ended = c.termination()
    code = fields.integer(ended[1], "exitCode") if ended is not None else None
    if c.waiting not in _STARTING:
        return c.waiting, c.waiting_message, code
    now = fields.mapping(c.status, "state", "terminated")
    if now and code != 0:
        return fields.text(now, "reason") or "Error", fields.text(now, "message"), code
    sidecar = fields.text(c.spec, "restartPolicy") == "Always"
    if c.running and not c.ready and (not c.init or sidecar):
        return "NotReady", "runs, but is not ready", code
    return None


def _raw(obj: Object, *path: str) -> list[Any]:
    found = fields.value(obj, *path)
    return found if isinstance(found, list) else []
