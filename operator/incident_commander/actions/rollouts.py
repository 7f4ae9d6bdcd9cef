"""Changes of a pod template: which workloads roll out, and how many pods a rollout takes down."""

from __future__ import annotations

from incident_commander.api.plan import Risk
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.ports import Object

KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


def require_rolling(workload: Object) -> None:
    """Raises ``Refusal`` when a change of the pod template would not reach the pods."""
    if fields.flag(workload, "spec", "paused"):
        raise Refusal(
            "RolloutPaused",
            f"{reference(workload)} is paused by somebody, so no change would reach its pods; resume it first"
            " (kubectl rollout resume)",
        )
    if fields.text(workload, "spec", "updateStrategy", "type") == "OnDelete":
        raise Refusal(
            "OnDeleteStrategy",
            f"{reference(workload)} replaces pods only when they are deleted (updateStrategy OnDelete)",
        )


def desired_pods(workload: Object) -> int:
    """Pods that the workload is to have."""
    if fields.text(workload, "kind") == "DaemonSet":
        return fields.integer(workload, "status", "desiredNumberScheduled") or 0
    replicas = fields.integer(workload, "spec", "replicas")
    return 1 if replicas is None else replicas


def ready_pods(workload: Object) -> int:
    """Pods that are ready, as the status says."""
    counter = "numberReady" if fields.text(workload, "kind") == "DaemonSet" else "readyReplicas"
    return fields.integer(workload, "status", counter) or 0


def max_unavailable(workload: Object) -> int:
    """How many of the desired pods a rollout may take down at once (percentages as the controllers round them)."""
    desired = desired_pods(workload)
    if fields.text(workload, "kind") == "Deployment":
        if fields.text(workload, "spec", "strategy", "type") == "Recreate":
            return desired
        rolling = fields.mapping(workload, "spec", "strategy", "rollingUpdate")
        surge = _share(rolling.get("maxSurge", "25%"), desired, up=True)
        down = _share(rolling.get("maxUnavailable", "25%"), desired, up=False)
        return max(down, 1) if surge == 0 else down
    rolling = fields.mapping(workload, "spec", "updateStrategy", "rollingUpdate")
    if _share(rolling.get("maxSurge", 0), desired, up=True):
        return _share(rolling.get("maxUnavailable", 0), desired, up=False)
    return max(1, _share(rolling.get("maxUnavailable", 1), desired, up=True))


def risk_of_rollout(workload: Object) -> Risk:
    """Low while other pods serve meanwhile, Medium when none may be left.

    Told from the spec alone: a step must not change while pods come and go. A DaemonSet's node has no other pod.
    """
    if fields.text(workload, "kind") == "DaemonSet":
        surge = fields.value(workload, "spec", "updateStrategy", "rollingUpdate", "maxSurge")
        return Risk.LOW if surge not in (None, 0, "0%") else Risk.MEDIUM
    return Risk.MEDIUM if max_unavailable(workload) >= max(1, desired_pods(workload)) else Risk.LOW


def _share(written: object, of: int, *, up: bool) -> int:
    """An int-or-percent field as a number of pods; what cannot be read is all of them."""
    if isinstance(written, int) and not isinstance(written, bool):
        return min(written, of)
    if isinstance(written, str) and written.endswith("%") and written[:-1].isascii() and written[:-1].isdigit():
        percent = int(written[:-1])
        return min(of, (of * percent + 99) // 100 if up else of * percent // 100)
    return of
