"""Facts that must hold before a runbook is a candidate. What is not known does not hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from incident_commander.actions.action import Situation
from incident_commander.actions.rollback_rollout import pick
from incident_commander.api.runbook import Precondition
from incident_commander.api.statement import Hypothesis
from incident_commander.errors import Refusal
from incident_commander.evidence import fields, pods
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.owners import controller, pods_of
from incident_commander.evidence.revisions import pods_of_revision

_Check = Callable[[Hypothesis, Situation], None]


def require(precondition: Precondition, hypothesis: Hypothesis, situation: Situation) -> None:
    """Raises ``Refusal`` with the precondition's name negated as reason when it does not hold."""
    _CHECKS[precondition](hypothesis, situation)


def _previous_exists(hypothesis: Hypothesis, situation: Situation) -> None:
    pick(situation)


def _previous_healthy(hypothesis: Hypothesis, situation: Situation) -> None:
    _, previous = pick(situation)
    said = hypothesis.facts.get("previousHealthy", "unknown")
    target = situation.target
    if said == "true":
        return
    if said == "false":
        raise Refusal(
            "PreviousRevisionUnhealthy", f"revision {previous.number} of {reference(target)} did not run well"
        )
    own = pods_of_revision(previous, pods_of(target, situation.related))
    if any(pods.ready(pod) for pod in own) or available_until_rollout(situation):
        return
    raise Refusal(
        "PreviousRevisionHealthUnknown",
        f"nothing shows that revision {previous.number} of {reference(target)} ran well before",
    )


def available_until_rollout(situation: Situation) -> bool:
    """Whether a Deployment was available under the revision before the current one.

    Condition Available: True for longer than the current ReplicaSet exists, or False only since after it was made.
    The condition is made False with the Deployment itself, so it must have changed after that.
    """
    target = situation.target
    condition = fields.condition(target, "Available")
    changed = fields.moment(condition, "lastTransitionTime")
    current, previous = pick(situation)
    rolled_out, before = current.since, fields.created(previous.source)
    if changed is None or rolled_out is None or before is None:
        return False
    if condition.get("status") == "True":
        return changed <= rolled_out
    born = fields.created(target)
    return condition.get("status") == "False" and changed >= rolled_out and born is not None and changed > born


def _recent_rollout(hypothesis: Hypothesis, situation: Situation) -> None:
    if hypothesis.facts.get("recentRollout") != "true":
        said = hypothesis.facts.get("recentRollout", "not known")
        raise Refusal("NoRecentRollout", f"recent rollout of {reference(situation.target)}: {said}")


def _others_healthy(hypothesis: Hypothesis, situation: Situation) -> None:
    if hypothesis.facts.get("otherReplicasHealthy") != "true":
        said = hypothesis.facts.get("otherReplicasHealthy", "not known")
        raise Refusal("OtherReplicasUnhealthy", f"other ready pods of {reference(situation.target)}: {said}")


def _owned(hypothesis: Hypothesis, situation: Situation) -> None:
    if fields.text(situation.target, "kind") == "Pod" and controller(situation.target) is None:
        raise Refusal("NotOwned", f"{reference(situation.target)} has no controller that would bring it back")


_CHECKS: Mapping[Precondition, _Check] = {
    Precondition.PREVIOUS_REVISION_EXISTS: _previous_exists,
    Precondition.PREVIOUS_REVISION_WAS_HEALTHY: _previous_healthy,
    Precondition.RECENT_ROLLOUT: _recent_rollout,
    Precondition.OTHER_REPLICAS_HEALTHY: _others_healthy,
    Precondition.OWNED_BY_CONTROLLER: _owned,
}
