"""EndpointSlices: which pods a Service reaches, and on which port."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from incident_commander.api.kinds import ENDPOINT_SLICE, POD, SERVICE
from incident_commander.evidence.selectors import matches_selector
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.objects import (
    dig,
    is_ready,
    labels_of,
    name_of,
    namespace_of,
    owner_reference,
    uid_of,
)
from incident_commander.rehearsal.store import Key, WatchEvent

_MANAGER = "endpointslice-controller.k8s.io"


class EndpointSliceController:
    """One slice for each Service that has a selector."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """A Service; and those that select a pod that changed."""
        if event.kind == SERVICE:
            yield event.key
        elif event.kind == POD:
            for service in self._api.store.scan(SERVICE, event.key[0]):
                if _selects(service, event.object):
                    yield namespace_of(service) or "", name_of(service)

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Write the slice as it should be."""
        service = self._api.store.get(SERVICE, namespace, name)
        if service is None or not dig(service, "spec", "selector"):
            return None
        pods = [p for p in self._api.store.scan(POD, namespace) if _selects(service, p) and dig(p, "status", "podIP")]
        slice_name = f"{name}-{uid_of(service)[:5]}"
        fields = {
            "addressType": "IPv4",
            "endpoints": [_endpoint(pod) for pod in pods],
            "ports": [_port(entry, pods) for entry in service["spec"].get("ports") or []],
        }
        if self._api.store.get(ENDPOINT_SLICE, namespace, slice_name) is None:
            labels = {
                "kubernetes.io/service-name": name,
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller",
            }
            meta = {"name": slice_name, "labels": labels, "ownerReferences": [owner_reference(service)]}
            self._api.create(ENDPOINT_SLICE, namespace, {"metadata": meta, **fields})
        else:
            self._api.change(ENDPOINT_SLICE, namespace, slice_name, lambda old: {**old, **fields})
        return None


def _selects(service: Object, pod: Object) -> bool:
    selector = dig(service, "spec", "selector")
    return bool(selector) and matches_selector(labels_of(pod), {"matchLabels": selector})


def _endpoint(pod: Object) -> dict[str, Any]:
    leaving = bool(pod["metadata"].get("deletionTimestamp"))
    serving = is_ready(pod)
    return {
        "addresses": [dig(pod, "status", "podIP")],
        "conditions": {"ready": serving and not leaving, "serving": serving, "terminating": leaving},
        "nodeName": dig(pod, "spec", "nodeName"),
        "targetRef": {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": uid_of(pod)},
    }


def _port(entry: dict[str, Any], pods: list[Object]) -> dict[str, Any]:
    """The slice's port; without a number when no pod has a container port of that name."""
    target = entry.get("targetPort", entry["port"])
    if not isinstance(target, int):
        named = (
            port["containerPort"]
            for pod in pods
            for container in dig(pod, "spec", "containers") or []
            for port in container.get("ports") or []
            if port.get("name") == target
        )
        target = next(named, None)
    found = {"name": entry.get("name", ""), "protocol": entry.get("protocol", "TCP")}
    return found if target is None else {**found, "port": target}
