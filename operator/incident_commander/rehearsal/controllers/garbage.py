"""Garbage collection by owner references, and the emptying of namespaces that are being deleted."""

from __future__ import annotations

from collections.abc import Iterable

from incident_commander.api.kinds import NAMESPACE
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.objects import name_of, namespace_of, uid_of
from incident_commander.rehearsal.store import Key, WatchEvent, WatchType
from incident_commander.rehearsal.writing import BY_RESOURCE


class GarbageCollector:
    """Deletes objects all of whose owners are gone (background propagation)."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """The UID of what was deleted."""
        if event.type is WatchType.DELETED:
            yield "", uid_of(event.object)

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Delete the dependants of the UID ``name``."""
        for resource, obj in list(self._api.store.everything()):
            owners = obj["metadata"].get("ownerReferences") or []
            if (
                owners
                and all(owner["uid"] == name for owner in owners)
                and not obj["metadata"].get("deletionTimestamp")
            ):
                self._api.delete(BY_RESOURCE[resource], namespace_of(obj), name_of(obj))
        return None


class NamespaceController:
    """Empties and then removes namespaces that are being deleted."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """Namespaces that are terminating."""
        if event.kind == NAMESPACE and event.type is not WatchType.DELETED:
            yield event.key

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Delete the content; look again until there is none."""
        found = self._api.store.get(NAMESPACE, None, name)
        if found is None or not found["metadata"].get("deletionTimestamp"):
            return None
        content = [(r, obj) for r, obj in self._api.store.everything() if namespace_of(obj) == name]
        if not content:
            self._api.finish_deletion(NAMESPACE, found)
            return None
        for resource, obj in content:
            kind = BY_RESOURCE[resource]
            if self._api.store.get(kind, name, name_of(obj)) is obj and not obj["metadata"].get("deletionTimestamp"):
                self._api.delete(kind, name, name_of(obj))
        return 1.0
