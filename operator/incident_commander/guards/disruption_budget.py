"""PodDisruptionBudgets are respected, also where the API server would not enforce them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from incident_commander.api import kinds
from incident_commander.api.plan import ActionName
from incident_commander.evidence import fields, pods
from incident_commander.guards.disruption import TAKES_ONE_POD, Disruption, Unknown, disruption_of
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.verdicts import allow, deny
from incident_commander.ports import Object


def within_disruption_budgets(given: GuardInput) -> GuardVerdict:
    """A deleted pod is judged as the eviction API would judge it (source: Kubernetes "API-initiated Eviction").

    A rollout may not take ready pods below ``status.desiredHealthy``. One that takes none is allowed.
    """
    if given.undoing:
        return allow("Undoing")
    found = disruption_of(given)
    if found is None:
        return allow("NotDisruptive")
    budgets = given.related.get(kinds.POD_DISRUPTION_BUDGET.resource)
    if budgets is None:
        return deny("DisruptionBudgetsUnknown", "the PodDisruptionBudgets of the namespace could not be read")
    if isinstance(found, Unknown):
        return deny("HealthUnknown", found.message)
    labels = _pod_labels(given)
    applying = [b for b in budgets if _applies(b, labels, fields.namespace(given.target))]
    if len(applying) > 1 and given.step.action is ActionName.EVICT_POD:
        names = ", ".join(sorted(fields.name(b) for b in applying))
        return deny("SeveralDisruptionBudgets", f"the API server evicts no pod that several budgets select: {names}")
    for budget in applying:
        verdict = _judge(given, budget, found)
        if verdict is not None:
            return verdict
    return allow("WithinBudgets", f"{len(applying)} PodDisruptionBudgets apply")


def _judge(given: GuardInput, budget: Object, found: Disruption) -> GuardVerdict | None:
    """A denial, or None."""
    name = f"PodDisruptionBudget {fields.name(budget)}"
    if fields.integer(budget, "status", "observedGeneration") != fields.integer(budget, "metadata", "generation"):
        return deny("DisruptionBudgetsUnknown", f"the status of {name} is not up to date")
    allowed = fields.integer(budget, "status", "disruptionsAllowed") or 0
    healthy = fields.integer(budget, "status", "currentHealthy") or 0
    wanted = fields.integer(budget, "status", "desiredHealthy") or 0
    if given.step.action not in TAKES_ONE_POD:
        if found.takes_ready_pods and found.left < wanted:
            return deny(
                "DisruptionBudgetSpent",
                f"{given.step.action} may leave {found.left} pods ready; {name} wants {wanted}",
            )
        return None
    if not pods.ready(given.target) and _unready_may_go(given.target, budget, healthy, wanted):
        return None
    if allowed > 0:
        return None
    return deny("DisruptionBudgetSpent", f"{name} allows no disruption now ({healthy} healthy, {wanted} wanted)")


def _unready_may_go(pod: Object, budget: Object, healthy: int, wanted: int) -> bool:
    if pods.phase(pod) in ("Pending", "Succeeded", "Failed"):
        return True
    if fields.text(budget, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    return healthy >= wanted > 0


def _pod_labels(given: GuardInput) -> Mapping[str, str]:
    path = () if fields.text(given.target, "kind") == "Pod" else ("spec", "template")
    return fields.strings(given.target, *path, "metadata", "labels")


def _applies(budget: Object, labels: Mapping[str, str], namespace: str) -> bool:
    """policy/v1: an empty selector selects every pod of the namespace, an absent one none."""
    if fields.namespace(budget) != namespace or not isinstance(fields.value(budget, "spec", "selector"), dict):
        return False
    wanted = fields.strings(budget, "spec", "selector", "matchLabels")
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_matches(e, labels) for e in fields.items(budget, "spec", "selector", "matchExpressions"))


def _matches(expression: Mapping[str, object], labels: Mapping[str, str]) -> bool:
    """An operator that is not known counts as a match: rather one budget too many."""
    key, operator = fields.text(expression, "key"), fields.text(expression, "operator")
    values: Sequence[str] = fields.words(expression, "values")
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    if operator == "DoesNotExist":
        return key not in labels
    return key in labels or operator != "Exists"
