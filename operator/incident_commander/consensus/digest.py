"""The digest of a plan: what votes, approvals and certificates are bound to."""

from __future__ import annotations

from incident_commander.api.plan import Plan
from incident_commander.consensus.canonical import digest


def plan_digest(plan: Plan) -> str:
    """``sha256:...`` over the canonical JSON of everything in the plan but ``digest`` and ``summary``.

    The summary is prose for people (a language model may word it); nothing that is done depends on it.
    Raises ``ValueError`` for a plan that has no canonical form (a lone surrogate in a text).
    """
    value = plan.to_json()
    value.pop("digest", None)
    value.pop("summary", None)
    return digest(value)


def with_digest(plan: Plan) -> Plan:
    """The same plan with its own digest filled in."""
    return plan.model_copy(update={"digest": plan_digest(plan)})
