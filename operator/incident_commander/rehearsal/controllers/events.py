"""Writes Events as client-go's recorder does: equal ones are counted, not repeated."""

from __future__ import annotations

import hashlib

from incident_commander.api.kinds import EVENT
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.objects import kube_time, name_of, namespace_of, uid_of


class EventRecorder:
    """Events of one component, such as ``kubelet``."""

    def __init__(self, api: ApiServer, component: str) -> None:
        self._api = api
        self._component = component

    def normal(self, obj: Object, reason: str, message: str, *, field_path: str = "") -> None:
        """Record a Normal event."""
        self._record(obj, "Normal", reason, message, field_path)

    def warning(self, obj: Object, reason: str, message: str, *, field_path: str = "") -> None:
        """Record a Warning event."""
        self._record(obj, "Warning", reason, message, field_path)

    def _record(self, obj: Object, type_: str, reason: str, message: str, field_path: str) -> None:
        now = kube_time(self._api.clock.now())
        content = f"{uid_of(obj)}/{reason}/{message}/{field_path}/{self._component}"
        name = f"{name_of(obj)}.{hashlib.sha256(content.encode()).hexdigest()[:16]}"
        namespace = namespace_of(obj) or "default"
        stored = self._api.store.get(EVENT, namespace, name)
        if stored is not None:
            again = {**stored, "metadata": dict(stored["metadata"])}
            again |= {"count": int(stored["count"]) + 1, "lastTimestamp": now}
            self._api.store.put(EVENT, again)
            return
        involved = {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": name_of(obj),
            "uid": uid_of(obj),
            "resourceVersion": obj["metadata"]["resourceVersion"],
        }
        if namespace_of(obj):
            involved["namespace"] = namespace
        if field_path:
            involved["fieldPath"] = field_path
        self._api.store.put(
            EVENT,
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "uid": hashlib.sha256(name.encode()).hexdigest()[:32],
                    "creationTimestamp": now,
                },
                "involvedObject": involved,
                "type": type_,
                "reason": reason,
                "message": message,
                "count": 1,
                "firstTimestamp": now,
                "lastTimestamp": now,
                "source": {"component": self._component},
                "reportingComponent": self._component,
            },
        )
