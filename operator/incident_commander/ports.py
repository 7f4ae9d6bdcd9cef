"""What the outside looks like to the inside.

Decisions never read: they are given what was gathered through these ports. The real outside is in
``adapters``, the simulated one in ``rehearsal``; the same contract tests run against both.
Objects are plain JSON dictionaries, as the API server sends them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Protocol

from incident_commander.api.incident import Alert
from incident_commander.api.kinds import Kind

Object = dict[str, Any]
"""A Kubernetes object as JSON. Treat as immutable: copy before changing."""


class PatchType(enum.StrEnum):
    """Content types of PATCH that the project uses."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"


class Propagation(enum.StrEnum):
    """What becomes of an object's dependants when it is deleted (apimachinery ``DeletionPropagation``)."""

    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


class Cluster(Protocol):
    """A Kubernetes API server, seen with one identity.

    Every method raises a subclass of ``errors.ClusterError``: NotFound, AlreadyExists, Conflict,
    Forbidden, Invalid, DisruptionRefused, Throttled or Unavailable.
    """

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """One object."""
        ...

    async def list(
        self, kind: Kind, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> list[Object]:
        """All objects (paged inside). ``labels`` and ``fields`` are selectors in kubectl's syntax.

        Each item carries ``apiVersion`` and ``kind``.
        """
        ...

    async def create(
        self, kind: Kind, namespace: str | None, body: Object, *, dry_run: bool = False, field_manager: str = ""
    ) -> Object:
        """Create; answers the stored object."""
        ...

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
        """Patch; answers the stored object. A failing JSON Patch ``test`` raises Conflict."""
        ...

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
        """Delete with preconditions (Conflict when they do not hold). ``propagation`` None: as the kind does."""
        ...

    async def evict(
        self,
        namespace: str,
        pod: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> None:
        """Evict a pod (policy/v1) with preconditions. Raises DisruptionRefused when a budget does not allow it."""
        ...

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
        """The end of a container's log, with timestamps off. Raises LogsUnavailable or a ClusterError."""
        ...

    async def offers(self, kind: Kind, subresource: str | None = None, *, fresh: bool = False) -> bool:
        """Whether the API server serves this resource (and subresource, e.g. ``resize`` of pods)."""
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """A Prometheus query that code can name.

    ``name`` and ``params`` say what is asked (the rehearsal answers from them); ``promql`` is what a
    real Prometheus evaluates. ``unit`` is the base unit of the values ("bytes", "cores", "ratio", ...).
    """

    name: str
    promql: str
    params: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """One time series: labels and (unix seconds, value) points in time order."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


class Metrics(Protocol):
    """A Prometheus. Both methods raise MetricsUnavailable; an empty answer means "no data"."""

    async def query(self, query: Query, at: datetime) -> list[Series]:
        """Instant query; each series has one point."""
        ...

    async def query_range(self, query: Query, start: datetime, end: datetime, step_seconds: int) -> list[Series]:
        """Range query."""
        ...


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where a container's log is kept; ``previous`` is the container before the last restart."""

    namespace: str
    pod: str
    container: str
    previous: bool = False


class Recording(Protocol):
    """What an incident bundle holds beside objects. What is missing or broken is a finding."""

    def log_places(self) -> Sequence[LogPlace]:
        """The logs that are there."""
        ...

    def log(self, place: LogPlace) -> AbstractContextManager[BinaryIO]:
        """A log from its beginning to its end, seekable, in UTF-8. Raises LogsUnavailable where it cannot be opened."""
        ...

    def series(self) -> Mapping[str, Sequence[Series]]:
        """All recorded series, by the name that their query was recorded under."""
        ...

    def notes(self) -> Mapping[str, str]:
        """Output of other tools, by name."""
        ...

    def alerts(self) -> Sequence[Alert]:
        """The alerts that were active."""
        ...

    def findings(self) -> Sequence[str]:
        """What is missing or broken, as far as it was looked at."""
        ...


class Clock(Protocol):
    """Time. Decisions get ``now`` as an argument; only edges hold a clock."""

    def now(self) -> datetime:
        """Timezone-aware UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait (virtually, in a rehearsal)."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told of an Incident. ``event`` is ``ApprovalRequired``, ``Escalated`` or ``Recommended``.

    ``act_by``: until when a decision counts. Texts are those of the Incident's status.
    """

    event: str
    namespace: str
    name: str
    uid: str
    severity: str
    phase: str
    outcome: str
    target: str
    alert: str
    cause: str
    message: str
    plan: str
    plan_digest: str
    policy: str
    at: datetime
    act_by: datetime | None = None


class Notifier(Protocol):
    """Tells people. Never waits and never fails: what could not be told is counted and logged; the Incident has it."""

    def tell(self, notice: Notice) -> None:
        """Take one message to be sent."""
        ...


class Telemetry:
    """Counts what happens, for the operator's own metrics. Never fails, never decides anything. This one forgets.

    Arguments are values of small fixed sets (phases, roles, reasons), never names of objects.
    """

    def incident_opened(self, severity: str) -> None:
        """An Incident was taken up."""

    def incident_ended(self, outcome: str, severity: str, cause: str, seconds: float) -> None:
        """An Incident reached its end, so long after it was created; ``cause`` is the likeliest one."""

    def recovered(self, outcome: str, seconds: float) -> None:
        """Recovery was proven, so long after the first alert began to fire."""

    def phase_changed(self, from_phase: str, to_phase: str, seconds: float | None) -> None:
        """An Incident moved on after so long in ``from_phase``; None when its beginning was not seen."""

    def diagnosed(self, causes: Sequence[str], gaps: int) -> None:
        """A diagnosis was put on record: causes, likeliest first, and how many things could not be read."""

    def statement_made(self, role: str, type_: str) -> None:
        """An agent wrote a statement."""

    def statement_refused(self, role: str, reason: str) -> None:
        """A statement or vote did not count."""

    def vote_cast(self, role: str, decision: str, reason: str) -> None:
        """An agent voted."""

    def dissented(self, role: str, decision: str) -> None:
        """A vote differs from what its round decided; ``Silent`` is none in time."""

    def round_decided(self, decision: str, seconds: float) -> None:
        """A round ended, so long after it was opened."""

    def agent_quarantined(self, role: str, offence: str) -> None:
        """An agent lost its vote."""

    def approval_requested(self) -> None:
        """A person is asked."""

    def approval_ended(self, decision: str, seconds: float) -> None:
        """The wait for a person ended: Approved, Rejected, Expired or Overtaken."""

    def guard_refused(self, guard: str, reason: str, effect: str) -> None:
        """A guard did not allow a plan: Refused for good, or Waiting."""

    def step_finished(self, action: str, outcome: str) -> None:
        """The executor carried out a step or took it back, or did not."""

    def verified(self, result: str) -> None:
        """An attempt was measured."""

    def notified(self, result: str) -> None:
        """People were told, or were not: Sent, Failed or Dropped."""

    def undone(self, result: str) -> None:
        """An attempt was to be taken back: Undone or Failed."""


class Uncounted(Telemetry):
    """``Telemetry`` that nobody reads: rehearsals, tests, the command line."""
