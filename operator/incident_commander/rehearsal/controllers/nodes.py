"""The node lifecycle: what becomes of the pods of a node that nobody hears of any more."""

from __future__ import annotations

from collections.abc import Iterable

from incident_commander.api.kinds import NODE, POD
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.controllers.events import EventRecorder
from incident_commander.rehearsal.controllers.replicas import transition
from incident_commander.rehearsal.objects import (
    condition,
    controller_of,
    dig,
    is_ready,
    kube_time,
    name_of,
    namespace_of,
    parse_kube_time,
)
from incident_commander.rehearsal.store import Key, WatchEvent

UNREACHABLE = "node.kubernetes.io/unreachable"
_TOLERATED_SECONDS = 300.0
"""What the admission plugin DefaultTolerationSeconds gives every pod."""


class NodeLifecycleController:
    """Taints a silent node, marks its pods not ready, and evicts them after five minutes."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._events = EventRecorder(api, "node-controller")

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """Nodes."""
        if event.kind == NODE:
            yield event.key

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Compare the node's word with its taints and pods."""
        node = self._api.store.get(NODE, None, name)
        if node is None:
            return None
        ready = condition(node, "Ready") or {}
        silent = ready.get("status") != "True"
        self._taint(node, silent=silent)
        if not silent:
            return None
        pods = [pod for pod in self._api.store.scan(POD) if dig(pod, "spec", "nodeName") == name]
        for pod in pods:
            if is_ready(pod):
                self._mark(pod)
        waited = (self._api.clock.now() - parse_kube_time(str(ready.get("lastTransitionTime")))).total_seconds()
        if waited < _TOLERATED_SECONDS:
            return _TOLERATED_SECONDS - waited
        for pod in pods:
            owner = controller_of(pod)
            if not pod["metadata"].get("deletionTimestamp") and (owner is None or owner["kind"] != "DaemonSet"):
                self._events.normal(pod, "TaintManagerEviction", f"Marking for deletion Pod {name_of(pod)}")
                self._api.delete(POD, namespace_of(pod), name_of(pod))
        return None

    def _taint(self, node: Object, *, silent: bool) -> None:
        others = [taint for taint in dig(node, "spec", "taints") or [] if taint["key"] != UNREACHABLE]
        mine = [{"key": UNREACHABLE, "effect": effect} for effect in ("NoSchedule", "NoExecute")] if silent else []
        spec = {key: value for key, value in (node.get("spec") or {}).items() if key != "taints"}
        if others + mine:
            spec["taints"] = others + mine
        self._api.change(NODE, None, name_of(node), lambda old: {**old, "spec": spec})

    def _mark(self, pod: Object) -> None:
        self._events.warning(pod, "NodeNotReady", "Node is not ready")
        new = {"type": "Ready", "status": "False"}
        conditions = transition(dig(pod, "status", "conditions") or [], new, kube_time(self._api.clock.now()))
        self._api.change_status(POD, pod, {**pod["status"], "conditions": conditions})
