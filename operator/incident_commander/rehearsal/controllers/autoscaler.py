"""HorizontalPodAutoscalers on CPU utilisation (``pkg/controller/podautoscaler``)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from incident_commander import errors
from incident_commander.api.kinds import HORIZONTAL_POD_AUTOSCALER, POD, kind_of
from incident_commander.evidence.selectors import matches_selector
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.controllers.events import EventRecorder
from incident_commander.rehearsal.controllers.replicas import transition
from incident_commander.rehearsal.controllers.scheduler import requests_of
from incident_commander.rehearsal.objects import dig, is_ready, kube_time, labels_of, name_of, namespace_of
from incident_commander.rehearsal.store import Key, WatchEvent

_PERIOD_SECONDS = 15.0
_STABILISATION = timedelta(seconds=300)
_TOLERANCE = 0.1
_DEFAULT_TARGET = 80

Usage = Callable[[str, str], float | None]
"""CPU cores that a pod (namespace, name) uses now; None where that is not known."""


class AutoscalerController:
    """Scales up at once, and down to the highest recommendation of the last five minutes."""

    def __init__(self, api: ApiServer, usage: Usage) -> None:
        self._api = api
        self._usage = usage
        self._events = EventRecorder(api, "horizontal-pod-autoscaler")
        self._recommended: dict[Key, deque[tuple[datetime, int]]] = {}

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """Its own objects."""
        if event.kind == HORIZONTAL_POD_AUTOSCALER and event.old is None:
            yield event.key

    def reconcile(self, namespace: str, name: str) -> float | None:
        """One decision every fifteen seconds."""
        found = self._api.store.get(HORIZONTAL_POD_AUTOSCALER, namespace, name)
        if found is None:
            return None
        reference = found["spec"]["scaleTargetRef"]
        kind = kind_of(str(reference.get("apiVersion", "apps/v1")), str(reference["kind"]))
        target = self._api.store.get(kind, namespace, str(reference["name"])) if kind is not None else None
        if kind is None or target is None:
            self._report(found, 0, 0, None, [("AbleToScale", False, "FailedGetScale", "the target does not exist")])
            return _PERIOD_SECONDS
        current = int(dig(target, "spec", "replicas") or 0)
        utilisation = self._utilisation(target)
        if utilisation is None or not current:
            text = "the HPA was unable to compute the replica count: no metrics returned from resource metrics API"
            self._report(found, current, current, None, [("ScalingActive", False, "FailedGetResourceMetric", text)])
            return _PERIOD_SECONDS
        wanted = self._wanted(found, current, utilisation)
        desired, limited = _bounded(found, self._stabilised((namespace, name), wanted))
        if desired != current:
            self._scale(found, kind.kind, target, desired)
        self._report(found, current, desired, utilisation, [limited])
        return _PERIOD_SECONDS

    def _utilisation(self, target: Object) -> int | None:
        """Percent of the requests that the ready pods use."""
        used = wanted = 0.0
        for pod in self._api.store.scan(POD, namespace_of(target)):
            if matches_selector(labels_of(pod), dig(target, "spec", "selector")) and is_ready(pod):
                cores = self._usage(namespace_of(pod) or "", name_of(pod))
                request = requests_of(pod).get("cpu")
                if cores is None or not request:
                    return None
                used, wanted = used + cores, wanted + float(request)
        return round(100 * used / wanted) if wanted else None

    def _wanted(self, autoscaler: Object, current: int, utilisation: int) -> int:
        metrics = autoscaler["spec"].get("metrics") or []
        target = int(dig(metrics, 0, "resource", "target", "averageUtilization") or _DEFAULT_TARGET)
        ratio = utilisation / target
        return current if abs(ratio - 1) <= _TOLERANCE else math.ceil(current * ratio)

    def _stabilised(self, key: Key, wanted: int) -> int:
        now = self._api.clock.now()
        past = self._recommended.setdefault(key, deque())
        past.append((now, wanted))
        while now - past[0][0] > _STABILISATION:
            past.popleft()
        return max(count for _, count in past)

    def _scale(self, autoscaler: Object, kind: str, target: Object, replicas: int) -> None:
        found = kind_of(str(target["apiVersion"]), kind)
        if found is None:
            return
        try:
            self._api.change(
                found,
                namespace_of(target),
                name_of(target),
                lambda old: {**old, "spec": {**old["spec"], "replicas": replicas}},
            )
        except errors.ClusterError as error:
            self._events.warning(autoscaler, "FailedRescale", f"New size: {replicas}; error: {error}")
            return
        text = f"New size: {replicas}; reason: cpu resource utilization (percentage of request)"
        self._events.normal(autoscaler, "SuccessfulRescale", text)

    def _report(
        self,
        autoscaler: Object,
        current: int,
        desired: int,
        utilisation: int | None,
        conditions: list[tuple[str, bool, str, str]],
    ) -> None:
        now = kube_time(self._api.clock.now())
        result: list[dict[str, Any]] = list(dig(autoscaler, "status", "conditions") or [])
        for type_, holds, reason, message in conditions:
            new = {"type": type_, "status": str(holds), "reason": reason, "message": message}
            result = transition(result, new, now)
        status: dict[str, Any] = {"currentReplicas": current, "desiredReplicas": desired, "conditions": result}
        if utilisation is not None:
            cpu = {"name": "cpu", "current": {"averageUtilization": utilisation}}
            status["currentMetrics"] = [{"type": "Resource", "resource": cpu}]
        self._api.change_status(HORIZONTAL_POD_AUTOSCALER, autoscaler, status)


def _bounded(autoscaler: Object, wanted: int) -> tuple[int, tuple[str, bool, str, str]]:
    low, high = int(autoscaler["spec"].get("minReplicas", 1)), int(autoscaler["spec"]["maxReplicas"])
    if wanted > high:
        text = "the desired replica count is more than the maximum replica count"
        return high, ("ScalingLimited", True, "TooManyReplicas", text)
    if wanted < low:
        text = "the desired replica count is less than the minimum replica count"
        return low, ("ScalingLimited", True, "TooFewReplicas", text)
    return wanted, ("ScalingLimited", False, "DesiredWithinRange", "the desired count is within the acceptable range")
