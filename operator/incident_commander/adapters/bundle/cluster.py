"""The API server of a bundle: answers what was recorded, and refuses every write."""

from __future__ import annotations

from incident_commander.adapters.bundle.adopting import OWNERS, adopted
from incident_commander.adapters.bundle.bundle import Bundle
from incident_commander.adapters.bundle.folder import Broken
from incident_commander.adapters.bundle.read_only import ReadOnly
from incident_commander.api.kinds import Kind
from incident_commander.errors import Invalid, LogsUnavailable, NotFound, NotRecorded
from incident_commander.evidence import fields as read
from incident_commander.evidence.selectors import matches_fields, matches_labels, parse_fields, parse_labels
from incident_commander.ports import LogPlace, Object

Objects = list[Object]
"""Because ``list`` is a method here."""


class BundleCluster(ReadOnly):
    """``ports.Cluster``. For a kind that was not asked for, ``NotRecorded``; for a broken file, ``Invalid``."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._adopted: dict[str, Objects] = {}

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """One recorded object."""
        for obj in self._all(kind):
            if isinstance(obj, dict) and read.name(obj) == name and _in(obj, kind, namespace):
                return obj
        raise NotFound(f'{kind.resource} "{name}" is not in the bundle')

    async def list(
        self, kind: Kind, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> Objects:
        """Recorded objects, those that are not well-formed among them when everything is asked for."""
        found = self._all(kind)
        if namespace is not None:
            found = [o for o in found if _in(o, kind, namespace)]
        if labels is not None:
            wanted = parse_labels(labels)
            found = [o for o in found if matches_labels(o, wanted)]
        if fields is not None:
            asked = parse_fields(kind, fields)
            found = [o for o in found if matches_fields(o, asked)]
        return found

    def _all(self, kind: Kind) -> Objects:
        if not self._bundle.asked(kind):
            raise NotRecorded("not in the bundle")
        try:
            found = self._bundle.objects(kind)
        except Broken as error:
            raise Invalid(str(error)) from error
        if kind.resource not in OWNERS:
            return found
        if kind.resource not in self._adopted:
            owners = {owner: self._readable(owner) for owner in OWNERS[kind.resource]}
            self._adopted[kind.resource] = adopted(found, owners)
        return self._adopted[kind.resource]

    def _readable(self, kind: Kind) -> Objects:
        try:
            return self._bundle.objects(kind) if self._bundle.asked(kind) else []
        except Broken:
            return []

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
        """The end of a recorded log."""
        try:
            text = self._bundle.log_end(LogPlace(namespace, pod, container, previous), limit_bytes)
        except Broken as error:
            raise LogsUnavailable(str(error)) from error
        lines = text.splitlines()
        return "\n".join(lines[-tail_lines:])

    async def offers(self, kind: Kind, subresource: str | None = None, *, fresh: bool = False) -> bool:
        """Whether the kind was asked for; of subresources nothing is known."""
        return subresource is None and self._bundle.asked(kind)


def _in(obj: Object, kind: Kind, namespace: str | None) -> bool:
    return not kind.namespaced or namespace is None or read.namespace(obj) == namespace
