"""What the doctor read. Checks are pure functions of it; what could not be read is ``Unread``, with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from incident_commander.adapters.reached import Reached
from incident_commander.api.kinds import Kind
from incident_commander.ports import Object


@dataclass(frozen=True, slots=True)
class Unread:
    """The API server, Prometheus or Alertmanager refused or did not answer; ``why`` is for people."""

    why: str


@dataclass(frozen=True, slots=True)
class Right:
    """Whether ``user`` may do ``verb`` on ``resource`` (``plural[.group][/subresource]``); "" is whoever asks."""

    user: str
    verb: str
    resource: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """Whom a sender's token stands for ("" when it is not valid), and where it may create Incidents."""

    user: str
    everywhere: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything, as of ``now``, which is this machine's clock."""

    now: datetime
    namespace: str
    user: str | Unread
    server_time: datetime | None = None
    """The API server's clock, to the second; None where it was not told."""
    offered: Mapping[str, bool] = field(default_factory=dict)
    """By resource, as discovery lists them."""
    objects: Mapping[str, Sequence[Object] | Unread] = field(default_factory=dict)
    """By resource; see ``of``."""
    shipped: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Schemas of this version, by the name of their CRD."""
    breaker: Mapping[str, str] | Unread = field(default_factory=dict)
    rights: Mapping[Right, bool | Unread] = field(default_factory=dict)
    gateway: Reached | Unread | None = None
    token: Token | Unread | None = None
    prometheus: str | None = None
    """Its URL; None where nothing names one."""
    metrics: Mapping[str, float | Unread | None] = field(default_factory=dict)
    """By question of ``gather.QUESTIONS``: the value, None where there is no data."""
    alertmanager: Mapping[str, Any] | Unread | None = None
    """Its running configuration, parsed; None where nothing names one."""

    def of(self, kind: Kind) -> Sequence[Object] | Unread:
        """What is there of a kind; nothing where the API server does not know it."""
        return self.objects.get(kind.resource, ())

    @property
    def installed(self) -> bool:
        """Whether anything of an installation is there: then all of it should be."""
        return any(self.offered.get(resource) for resource in self.offered if resource.endswith("incidentcommander.io"))
