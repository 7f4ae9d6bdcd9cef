"""Evidence: everything that decisions may look at, gathered once, immutable, with its gaps named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from incident_commander.api.incident import Alert
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Citation
from incident_commander.ports import Object, Query, Series


@dataclass(frozen=True, slots=True)
class Log:
    """One container's log, or what was kept of it; ``previous`` is the container before the last restart.

    The last lines stand one after the other. Of a long log, those before them are a choice (``logs.excerpt``).
    """

    namespace: str
    pod: str
    container: str
    previous: bool
    lines: tuple[str, ...]
    numbers: tuple[int, ...] = ()
    """Of each line in the whole log, counted from 1; 0 where that is not known. Empty: of none."""

    def number_of(self, line: str) -> int | None:
        """Where a line stands in the whole log: its last occurrence. None where that is not known."""
        if not self.numbers:
            return None
        place = next((n for n in range(len(self.lines) - 1, -1, -1) if self.lines[n] == line), None)
        return self.numbers[place] or None if place is not None else None


@dataclass(frozen=True, slots=True)
class Measured:
    """The answer to one named query. No series: asked, and there is no data."""

    query: Query
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Output of a tool that no port stands for, as somebody saved it: a bundle's ``extra/NAME.txt``."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts about one target, or about everything that was asked for, at one time.

    ``objects`` holds a list for each kind that was asked for (by ``Kind.resource``); an absent key means
    "not asked or not readable", which ``gaps`` explains. ``metrics`` is keyed by query name.
    ``series`` are those of a recording, by the name they were recorded under: their labels and units are
    whatever the recorder's Prometheus has. ``alerts`` were active at that time.
    ``unanswered`` are kinds (by ``Kind.resource``) for which the API server gave no usable answer: restarting, or
    throttling. Unlike what is forbidden, they are worth asking for again.
    ``partial`` are kinds (by ``Kind.resource``) of which there is, or may be, more than stands here: objects that were
    broken or over a bound, answers that were refused. A kind that a recording never had is not among them.
    """

    target: TargetRef | None
    captured_at: datetime
    objects: Mapping[str, Sequence[Object]] = field(default_factory=dict)
    logs: Sequence[Log] = ()
    metrics: Mapping[str, Measured] = field(default_factory=dict)
    gaps: Sequence[str] = ()
    series: Mapping[str, Sequence[Series]] = field(default_factory=dict)
    notes: Sequence[Note] = ()
    alerts: Sequence[Alert] = ()
    namespace: str | None = None
    """Which one was asked about; None: all. What it lives on (DNS, control plane) is gathered beside it."""
    unanswered: Sequence[str] = ()
    partial: Sequence[str] = ()

    def of(self, kind: Kind) -> Sequence[Object]:
        """Objects of a kind; empty when there are none or none could be read."""
        return self.objects.get(kind.resource, ())

    def asked(self, kind: Kind) -> bool:
        """Whether the absence of objects of this kind means anything."""
        return kind.resource in self.objects

    def find(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """One object by name, or None."""
        for item in self.of(kind):
            meta = item.get("metadata", {})
            if meta.get("name") == name and (not kind.namespaced or meta.get("namespace") == namespace):
                return item
        return None

    def logs_of(self, namespace: str, pod: str) -> Iterator[Log]:
        """All logs of a pod."""
        return (log for log in self.logs if log.namespace == namespace and log.pod == pod)


def reference(obj: Object) -> str:
    """``Kind/namespace/name`` or ``Kind/name``."""
    meta = obj.get("metadata", {})
    return "/".join(str(p) for p in (obj.get("kind"), meta.get("namespace"), meta.get("name")) if p)


def target_of(obj: Object) -> TargetRef:
    """A TargetRef that pins this incarnation of the object."""
    meta = obj.get("metadata", {})
    return TargetRef(
        api_version=obj.get("apiVersion", ""),
        kind=obj.get("kind", ""),
        namespace=meta.get("namespace"),
        name=meta.get("name", ""),
        uid=meta.get("uid"),
        generation=meta.get("generation"),
    )


__all__ = ["Citation", "Evidence", "Log", "Measured", "Note", "reference", "target_of"]
