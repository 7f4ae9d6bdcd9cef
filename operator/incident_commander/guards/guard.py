"""What a guard is given and what it answers. The chain is evaluated in order, all of it is recorded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from incident_commander.api.incident import Attempt, Incident
from incident_commander.api.plan import ActionName, Plan, Step
from incident_commander.api.policy import RemediationPolicy
from incident_commander.ports import Object


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """An attempt of any Incident of the cluster, for locks, cool-downs, budgets and loops."""

    incident_uid: str
    incident: str
    terminal: bool
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Breaker:
    """The cluster-wide circuit breaker. Only a person closes it again."""

    tripped: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GuardInput:
    """Everything a guard may look at, read from the API server just before the write."""

    now: datetime
    incident: Incident
    plan: Plan
    step: Step
    target: Object
    policy: RemediationPolicy | None
    """The most restrictive policy that matches; None means Observe."""
    namespace: Object | None = None
    related: Mapping[str, Sequence[Object]] = field(default_factory=dict)
    """Pods of the target, PodDisruptionBudgets of the namespace, ... by ``Kind.resource``."""
    history: Sequence[PastAttempt] = ()
    breaker: Breaker = Breaker()
    operator_namespace: str = "incident-commander"
    disabled_actions: Collection[ActionName] = ()
    """Actions that this installation does not enable."""
    undoing: bool = False
    """Taking back our own change: attempts, cool-down, budget and freeze windows do not hold it up."""


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """``reason`` is a CamelCase constant; ``message`` says what was found and what to do.

    ``retry_at``: when waiting alone may change the verdict.
    """

    allowed: bool
    reason: str
    message: str = ""
    retry_at: datetime | None = None


Guard = Callable[[GuardInput], GuardVerdict]
