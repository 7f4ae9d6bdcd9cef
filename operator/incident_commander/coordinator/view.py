"""Everything that a decision about one Incident may look at, gathered beforehand."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel

from incident_commander.api.agent import Agent
from incident_commander.api.incident import Incident
from incident_commander.api.policy import Mode, RemediationPolicy
from incident_commander.api.role import Role
from incident_commander.api.statement import Proposal, Statement
from incident_commander.intake.cascade import Effect
from incident_commander.ports import Object
from incident_commander.verification.observation import Observation

B = TypeVar("B", bound=BaseModel)


class TargetState(enum.StrEnum):
    """What the API server says about the target. UNKNOWN: it could not be asked."""

    PRESENT = "Present"
    MISSING = "Missing"
    REPLACED = "Replaced"
    NONE = "None"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class CoordinatorSettings:
    """How long (seconds) each stage may take before people are asked."""

    diagnosis_seconds: int = 60
    planning_seconds: int = 30
    hold_seconds: int = 1800
    """How long a plan may wait for a freeze window, a cool-down or another Incident to end before people are asked."""
    execution_seconds: int = 600
    undo_seconds: int = 300
    look_seconds: float = 15.0
    """How often, while a person is waited for, it is looked whether what the plan changes is still there."""
    vote_grace_seconds: float = 0.5
    """How long a quorum waits for the votes still missing, so that dissent is on record."""
    min_confidence: int = 60
    diagnosed_at_once: int = 5
    """Incidents that agents gather evidence for at the same time."""
    operator_namespace: str = "incident-commander"


@dataclass(frozen=True, slots=True)
class View:
    """``statements`` and ``votes``: by agent, opened and verified. ``invalid``: why the others do not count."""

    now: datetime
    incident: Incident
    settings: CoordinatorSettings
    agents: tuple[Agent, ...] = ()
    statements: Mapping[str, Statement] = field(default_factory=dict)
    vote_envelopes: Mapping[str, str] = field(default_factory=dict)
    earlier_votes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cited: Mapping[str, Object] = field(default_factory=dict)
    """Objects that votes cite, as the API server has them now, by reference."""
    outside: tuple[str, ...] = ()
    """How the proposal differs from what the catalogue yields from unchanged objects."""
    proposal_envelope: str = ""
    invalid: tuple[tuple[str, str, str], ...] = ()
    """(agent, reason, message)."""
    policy: RemediationPolicy | None = None
    target: TargetState = TargetState.UNKNOWN
    stale: str = ""
    """What changed of the plan's objects while a person is waited for; empty for nothing."""
    observation: Observation | None = None
    waits_seconds: float = 0.0
    """More than 0 while it is Pending and not its turn: when to ask again."""
    effect: Effect | None = None
    """What it is the effect of; read while it is Pending."""
    undo_seen: bool | None = None
    """Whether the target shows the pre-image again; None when it could not be read."""

    @property
    def mode(self) -> Mode:
        """No policy is Observe."""
        return self.policy.spec.mode if self.policy is not None else Mode.OBSERVE

    def said(self, role: Role, type_: type[B]) -> B | None:
        """The verified statement of the agent with that role, the latest when several share it."""
        found = [s for s in self.statements.values() if s.role == role.value and isinstance(s.body, type_)]
        if not found:
            return None
        body = max(found, key=lambda s: s.issued_at).body
        return body if isinstance(body, type_) else None

    @property
    def proposal(self) -> Proposal | None:
        """Resolution's answer to the present request for plans."""
        proposal = self.said(Role.RESOLUTION, Proposal)
        serial = self.incident.status.planning_serial
        return proposal if proposal is not None and proposal.serial == serial else None

    @property
    def overdue(self) -> bool:
        """Whether the deadline of the current phase has passed."""
        deadline = self.incident.status.deadline
        return deadline is not None and self.now >= deadline

    def until_deadline(self, at_most: float = 60.0) -> float:
        """Seconds to wait for the deadline, at least a little."""
        deadline = self.incident.status.deadline
        if deadline is None:
            return at_most
        return max(0.1, min(at_most, (deadline - self.now).total_seconds()))

    def after(self, seconds: float) -> datetime:
        """``now`` plus seconds."""
        return self.now + timedelta(seconds=seconds)
