"""The Eviction API (``pkg/registry/core/pod/storage/eviction.go``): a delete that asks disruption budgets first."""

from __future__ import annotations

from incident_commander import errors
from incident_commander.api.kinds import POD, POD_DISRUPTION_BUDGET
from incident_commander.evidence.selectors import matches_selector
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.objects import dig, is_ready, kube_time, labels_of, name_of

_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


def evict(
    api: ApiServer,
    namespace: str,
    name: str,
    *,
    uid: str | None = None,
    resource_version: str | None = None,
    dry_run: bool = False,
) -> None:
    """Raises ``DisruptionRefused``, ``Unavailable`` (several budgets), and what a delete raises."""
    pod = api.get(POD, namespace, name)
    if not _never_counts(pod):
        _ask_budget(api, pod, dry_run=dry_run)
    api.delete(POD, namespace, name, uid=uid, resource_version=resource_version, dry_run=dry_run)


def _never_counts(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp")) or dig(pod, "status", "phase") in (
        "Succeeded",
        "Failed",
        "Pending",
    )


def _ask_budget(api: ApiServer, pod: Object, *, dry_run: bool) -> None:
    namespace = pod["metadata"]["namespace"]
    budgets = [
        budget
        for budget in api.store.scan(POD_DISRUPTION_BUDGET, namespace)
        if dig(budget, "spec", "selector") is not None
        and matches_selector(labels_of(pod), dig(budget, "spec", "selector"))
    ]
    if not budgets:
        return
    if len(budgets) > 1:
        raise errors.Unavailable(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            status=500,
            reason="InternalError",
        )
    budget = budgets[0]
    status = budget.get("status") or {}
    healthy, wanted = int(status.get("currentHealthy") or 0), int(status.get("desiredHealthy") or 0)
    if not is_ready(pod):
        always = dig(budget, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow"
        if always or (healthy >= wanted > 0):
            return
    if int(status.get("observedGeneration") or 0) < budget["metadata"]["generation"]:
        text = f"The disruption budget {name_of(budget)} is still being processed by the server."
        raise errors.DisruptionRefused(f"{_REFUSED} {text}")
    allowed = int(status.get("disruptionsAllowed") or 0)
    if allowed <= 0:
        text = f"The disruption budget {name_of(budget)} needs {wanted} healthy pods and has {healthy} currently"
        raise errors.DisruptionRefused(f"{_REFUSED} {text}")
    if not dry_run:
        going = {**(status.get("disruptedPods") or {}), name_of(pod): kube_time(api.clock.now())}
        api.change_status(
            POD_DISRUPTION_BUDGET,
            budget,
            {**status, "disruptionsAllowed": allowed - 1, "disruptedPods": going},
        )
