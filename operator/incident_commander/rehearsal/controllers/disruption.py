"""PodDisruptionBudgets: how many pods may go now (``pkg/controller/disruption``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from incident_commander.api.kinds import POD, POD_DISRUPTION_BUDGET
from incident_commander.evidence.selectors import matches_selector
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.controllers.replicas import active
from incident_commander.rehearsal.objects import controller_of, dig, is_ready, labels_of, name_of
from incident_commander.rehearsal.store import Key, WatchEvent


class DisruptionController:
    """Counts healthy pods against what each budget wants."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """Budgets, and those of a pod's namespace."""
        if event.kind == POD_DISRUPTION_BUDGET:
            yield event.key
        elif event.kind == POD:
            for budget in self._api.store.scan(POD_DISRUPTION_BUDGET, event.key[0]):
                yield event.key[0], name_of(budget)

    def reconcile(self, namespace: str, name: str) -> float | None:
        """Report what is allowed."""
        budget = self._api.store.get(POD_DISRUPTION_BUDGET, namespace, name)
        if budget is None or budget["metadata"].get("deletionTimestamp"):
            return None
        selector = dig(budget, "spec", "selector")
        pods = [
            pod
            for pod in active(self._api.store.scan(POD, namespace))
            if selector is not None and matches_selector(labels_of(pod), selector)
        ]
        expected, wanted = self._wanted(budget["spec"], pods, namespace)
        healthy = sum(is_ready(pod) for pod in pods)
        allowed = max(0, healthy - wanted) if expected else 0
        status = {
            "observedGeneration": budget["metadata"]["generation"],
            "expectedPods": expected,
            "desiredHealthy": wanted,
            "currentHealthy": healthy,
            "disruptionsAllowed": allowed,
        }
        self._api.change_status(POD_DISRUPTION_BUDGET, budget, status)
        return None

    def _wanted(self, spec: dict[str, Any], pods: Sequence[Object], namespace: str) -> tuple[int, int]:
        """Pods that are expected, and how many of them must be healthy."""
        least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
        if isinstance(least, int):
            return len(pods), least
        expected = self._scale(pods, namespace)
        if most is not None:
            return expected, max(0, expected - _share(most, expected))
        return expected, _share(least if least is not None else 1, expected)

    def _scale(self, pods: Sequence[Object], namespace: str) -> int:
        """What the pods' controllers ask for."""
        owners = {str(owner["uid"]) for pod in pods if (owner := controller_of(pod)) is not None}
        found = (obj for _, obj in self._api.store.everything() if obj["metadata"]["uid"] in owners)
        return sum(int(dig(obj, "spec", "replicas") or 0) for obj in found)


def _share(written: object, of: int) -> int:
    """An int-or-percent field; percentages are rounded up."""
    if isinstance(written, str) and written.endswith("%"):
        return -(-of * int(written[:-1]) // 100)
    return int(str(written))
