"""A council of agents with deterministic keys, for tests of consensus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from incident_commander.api.agent import Agent, AgentSpec, AgentStatus, Offence, PublicKey, Quarantine
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Certificate, RecordedVote
from incident_commander.api.meta import ObjectMeta, TargetRef
from incident_commander.api.plan import ActionName, FieldValue, Op, Operation, Plan, Risk, Step, Undo, Verb
from incident_commander.api.role import Role
from incident_commander.api.statement import Citation, Decision, Statement, Vote
from incident_commander.consensus.ballot import accept_vote
from incident_commander.consensus.certificate import issue
from incident_commander.consensus.digest import with_digest
from incident_commander.consensus.envelope import sign
from incident_commander.consensus.keys import SigningKey
from incident_commander.consensus.membership import members_of, quorum

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
UID = "0d8f3c52-uid"
YEAR = timedelta(days=365)
WEB = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="web", uid="web-uid", generation=3)


@cache
def key(number: int) -> SigningKey:
    """The same key for the same number, in every run."""
    return SigningKey.from_seed(number.to_bytes(32, "big"))


def plan(image: str = "web:1", **changes: Any) -> Plan:
    path = "/spec/template/spec/containers/0/image"
    step = Step(
        name="roll-back",
        action=ActionName.ROLLBACK_ROLLOUT,
        target=WEB,
        verb=Verb.PATCH,
        operations=[Operation(op=Op.REPLACE, path=path, value=f'"{image}"')],
        pre_image=[FieldValue(path=path, value='"web:2"')],
        undo=Undo(possible=True, operations=[Operation(op=Op.REPLACE, path=path, value='"web:2"')]),
        risk=Risk.LOW,
    )
    fields: dict[str, Any] = {
        "incident_uid": UID,
        "issued_at": NOW,
        "runbook": "roll-back",
        "cause": Cause.CRASH_AFTER_ROLLOUT,
        "object": WEB,
        "steps": [step],
        "risk": Risk.LOW,
    }
    return with_digest(Plan(**{**fields, **changes}))


def quarantine(since: datetime = NOW) -> Quarantine:
    return Quarantine(offence=Offence.EQUIVOCATION, incident="shop/other", since=since)


def agent(number: int, role: Role, *keys: PublicKey, quarantined: Quarantine | None = None) -> Agent:
    return Agent(
        metadata=ObjectMeta(name=f"agent-{number:02d}"),
        spec=AgentSpec(role=role, public_keys=list(keys) or [key(number).public_key(NOW - YEAR, NOW + YEAR)]),
        status=AgentStatus(quarantine=quarantined),
    )


@dataclass
class Council:
    """``size`` agents (agent-00, agent-01, ...) with the six roles in turn."""

    size: int = 6
    quarantined: Sequence[int] = ()
    about: str | None = None
    """The target that its statements name; None as in older versions."""
    agents: list[Agent] = field(init=False)

    def __post_init__(self) -> None:
        roles = list(Role)
        self.agents = [
            agent(n, roles[n % 6], quarantined=quarantine() if n in self.quarantined else None)
            for n in range(self.size)
        ]

    def statement(self, number: int, body: Any, **changes: Any) -> Statement:
        fields: dict[str, Any] = {
            "incident_uid": UID,
            "incident": "shop/web-crash",
            "agent": f"agent-{number:02d}",
            "role": list(Role)[number % 6],
            "issued_at": NOW,
            "expires_at": NOW + timedelta(minutes=10),
            "target": self.about,
            "body": body,
        }
        return Statement(**{**fields, **changes})

    def vote(
        self,
        number: int,
        on: Plan,
        decision: Decision = Decision.APPROVE,
        *,
        round_: int = 1,
        signer: SigningKey | None = None,
        reason: str = "CauseAddressed",
        evidence: Sequence[Citation] = (),
        **changes: Any,
    ) -> str:
        body = Vote(round=round_, plan_digest=on.digest, decision=decision, reason=reason, evidence=list(evidence))
        return sign(self.statement(number, body, **changes), signer or key(number))

    def accept(self, envelope: str, on: Plan, *, round_: int = 1, now: datetime = NOW) -> RecordedVote:
        return accept_vote(envelope, self.agents, incident_uid=UID, round_=round_, plan_digest=on.digest, now=now)

    def certificate(
        self,
        on: Plan,
        voters: Iterable[int] | None = None,
        *,
        required_roles: Sequence[Role] = (),
        minimum: int | None = None,
        now: datetime = NOW,
        **changes: Any,
    ) -> Certificate:
        """What an honest coordinator issues when these agents approve."""
        numbers = range(self.size) if voters is None else voters
        votes = [self.accept(self.vote(n, on, **changes), on, now=now) for n in numbers]
        members = members_of(self.agents, now)
        return issue(UID, on, 1, members, quorum(len(members), minimum), votes, now, required_roles=required_roles)
