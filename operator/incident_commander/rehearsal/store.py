"""What an etcd holds: objects under one revision counter, and everybody who watches them."""

from __future__ import annotations

import bisect
import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from incident_commander.api.kinds import Kind
from incident_commander.ports import Object
from incident_commander.rehearsal.objects import name_of, namespace_of

Key = tuple[str, str]
"""(namespace or "", name)."""


class WatchType(enum.StrEnum):
    """Types of watch events."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One change. ``object`` is the state after it (before it, for a deletion); ``old`` the state before."""

    type: WatchType
    kind: Kind
    object: Object
    old: Object | None = None

    @property
    def key(self) -> Key:
        """(namespace or "", name)."""
        return namespace_of(self.object) or "", name_of(self.object)


Watcher = Callable[[WatchEvent], None]


class Store:
    """Objects by kind and key. What is stored is never changed in place."""

    def __init__(self) -> None:
        self.revision = 1000
        self._objects: dict[str, dict[Key, Object]] = {}
        self._order: dict[str, list[Key]] = {}
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Tell ``watcher`` of every change from now on, at once and in order."""
        self._watchers.append(watcher)

    def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """The stored object itself (not a copy), or None."""
        return self._objects.get(kind.resource, {}).get((namespace or "", name))

    def scan(self, kind: Kind, namespace: str | None = None) -> Iterator[Object]:
        """Stored objects (not copies) in the order of their keys, as a list answers."""
        objects = self._objects.get(kind.resource, {})
        for key in list(self._order.get(kind.resource, ())):
            if namespace is None or key[0] == namespace:
                yield objects[key]

    def everything(self) -> Iterator[tuple[str, Object]]:
        """All objects with their ``Kind.resource``, in a stable order."""
        for resource in sorted(self._objects):
            for key in self._order[resource]:
                yield resource, self._objects[resource][key]

    def put(self, kind: Kind, obj: Object) -> Object:
        """Store ``obj`` (which the store then owns) under a new resourceVersion."""
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        key = (namespace_of(obj) or "", name_of(obj))
        objects = self._objects.setdefault(kind.resource, {})
        old = objects.get(key)
        if old is None:
            bisect.insort(self._order.setdefault(kind.resource, []), key)
        objects[key] = obj
        self._tell(WatchEvent(WatchType.ADDED if old is None else WatchType.MODIFIED, kind, obj, old))
        return obj

    def remove(self, kind: Kind, obj: Object) -> None:
        """Take an object out."""
        self.revision += 1
        key = (namespace_of(obj) or "", name_of(obj))
        del self._objects[kind.resource][key]
        self._order[kind.resource].remove(key)
        self._tell(WatchEvent(WatchType.DELETED, kind, obj, obj))

    def _tell(self, event: WatchEvent) -> None:
        for watcher in self._watchers:
            watcher(event)
