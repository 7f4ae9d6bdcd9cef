"""What the doctor read. Checks are pure functions of it; what could not be read is ``Unread``, with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from incident_commander.adapters.reached import Reached
from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.api.names import GROUP
from incident_commander.ports import Object

ADMISSION_POLICIES = (
    "agents-dry-run-only",
    "agents-own-annotations",
    "decisions-of-people",
    "executor-not-here",
    "executor-pod-labels-only",
    "gateway-spec-only",
    "incident-status-owners",
    "incident-target-namespace",
    "own-objects-only",
    "people-decide-only",
    "rules-of-people",
)
"""Names end in ``.incidentcommander.io``. What each refuses is told in docs/security.md."""


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
    alertmanager_found: str = ""
    """How its address became known, as it follows the address: "which Prometheus names"."""

    def of(self, kind: Kind) -> Sequence[Object] | Unread:
        """What is there of a kind; nothing where the API server does not know it."""
        return self.objects.get(kind.resource, ())

    @property
    def served(self) -> bool:
        """Whether any of our CRDs is there: then all of them should be."""
        return any(self.offered.get(resource) for resource in self.offered if resource.endswith(f".{GROUP}"))

    @property
    def installed(self) -> bool:
        """Whether anything of an installation but CRDs is there: then all of it should be.

        What could not be read may be there. CRDs, and Agents, outlive what was uninstalled.
        """
        return self.served and any(isinstance(found, Unread) or found for found in (self._deployments, self._bindings))

    @property
    def _deployments(self) -> Sequence[Object] | Unread:
        return self.of(kinds.DEPLOYMENT)

    @property
    def _bindings(self) -> Sequence[Object] | Unread:
        """Of the admission policies of the processes. That of the chart's hook is there while it is being installed."""
        found = self.of(kinds.VALIDATING_ADMISSION_POLICY_BINDING)
        return found if isinstance(found, Unread) else [binding for binding in found if policy_of(binding)]


def policy_of(binding: Object) -> str:
    """Which of ``ADMISSION_POLICIES`` it binds, whatever may have been put before its name; else empty."""
    named = str((binding.get("spec") or {}).get("policyName", "")).removesuffix(f".{GROUP}")
    return next((policy for policy in ADMISSION_POLICIES if named.endswith(policy)), "")
