"""What an agent is: what it is given about an Incident, and what it may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from incident_commander.api.incident import Incident, Phase
from incident_commander.api.plan import Plan
from incident_commander.api.role import Role
from incident_commander.api.statement import (
    Account,
    Assessment,
    Body,
    Citation,
    Decision,
    Diagnosis,
    Forecast,
    Measurement,
    Proposal,
    Statement,
)


@dataclass(frozen=True, slots=True)
class Case:
    """One Incident as it stands now, read fresh.

    ``statements`` are those of other agents, opened and verified, the latest of each role; ``own`` is what
    this agent said of this Incident before, or None.
    """

    now: datetime
    incident: Incident
    statements: Mapping[Role, Statement] = field(default_factory=dict)
    own: Statement | None = None

    def assessment(self) -> Assessment | None:
        """What detection said."""
        body = self._body(Role.DETECTION)
        return body if isinstance(body, Assessment) else None

    def diagnosis(self) -> Diagnosis | None:
        """What diagnosis said."""
        body = self._body(Role.DIAGNOSIS)
        return body if isinstance(body, Diagnosis) else None

    def forecast(self) -> Forecast | None:
        """What prediction said."""
        body = self._body(Role.PREDICTION)
        return body if isinstance(body, Forecast) else None

    def proposal(self) -> Proposal | None:
        """What this agent proposed before."""
        return self.own.body if self.own is not None and isinstance(self.own.body, Proposal) else None

    def _body(self, role: Role) -> Body | None:
        statement = self.statements.get(role)
        return statement.body if statement is not None else None


@dataclass(frozen=True, slots=True)
class Ballot:
    """A vote before it is signed. ``reason`` is one of the agent's own constants (CamelCase).

    ``aside`` is said in the same write as the vote: communication's Account, verification's Measurement, and
    detection's Assessment where it says no more than the alert did.
    """

    decision: Decision
    reason: str
    message: str
    evidence: tuple[Citation, ...] = ()
    aside: Account | Assessment | Measurement | None = None


class Agent(Protocol):
    """A stateless voter. Both methods may raise ``ClusterError``: then nothing is said and it is tried again.

    What an agent could not find out is no error: it abstains, or says what is missing.
    """

    @property
    def role(self) -> Role:
        """Its duty."""
        ...

    @property
    def speaks_in(self) -> frozenset[Phase]:
        """Phases in which it makes statements; it votes in any case."""
        ...

    async def speak(self, case: Case) -> Body | None:
        """Its statement for the present phase, or None when there is nothing (new) to say."""
        ...

    async def vote(self, case: Case, plan: Plan) -> Ballot:
        """Its vote on ``plan``, whose digest was recomputed and found right."""
        ...
