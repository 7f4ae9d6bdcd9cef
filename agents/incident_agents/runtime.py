"""Runs one agent: reads an Incident, lets the agent decide, signs, and writes its annotations.

Stateless: everything it needs to carry on stands in the Incident. Safe to be killed and restarted anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from pydantic import ValidationError

from incident_agents.agent import Agent, Ballot, Case
from incident_agents.roster import Roster
from incident_commander.api.agent import Agent as AgentResource
from incident_commander.api.incident import Incident, Phase
from incident_commander.api.kinds import INCIDENT, REMEDIATION_POLICY
from incident_commander.api.names import agent_field_manager, statement_annotation, vote_annotation
from incident_commander.api.plan import Plan
from incident_commander.api.policy import Mode, RemediationPolicy
from incident_commander.api.role import Role
from incident_commander.api.statement import Body, Statement, Vote
from incident_commander.consensus.digest import plan_digest
from incident_commander.consensus.envelope import key_counts, open_envelope, open_signed, sign
from incident_commander.consensus.keys import SigningKey
from incident_commander.errors import InvalidStatement, NotFound
from incident_commander.ports import Clock, Cluster, PatchType, Telemetry, Uncounted

STATEMENT_VALIDITY = timedelta(hours=6)
VOTE_VALIDITY = timedelta(minutes=10)
LOOK_AGAIN_SECONDS = 10.0
NO_KEY_SECONDS = 30.0
NOT_IN_CHARGE_SECONDS = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """The name of an Agent resource and the private half of one of its keys."""

    name: str
    key: SigningKey


def _always() -> bool:
    return True


class AgentRunner:
    """``reconcile`` is called whenever something about an Incident may have changed, and never twice at once for one.

    ``in_charge`` is False while another process speaks with the same name: two voices of one agent would vote
    twice, which looks like equivocation.
    """

    def __init__(
        self,
        agent: Agent,
        identity: AgentIdentity,
        cluster: Cluster,
        clock: Clock,
        *,
        roster: Roster | None = None,
        telemetry: Telemetry | None = None,
        in_charge: Callable[[], bool] = _always,
    ) -> None:
        self._agent = agent
        self._identity = identity
        self._cluster = cluster
        self._clock = clock
        self._roster = roster or Roster(cluster, clock)
        self._telemetry = telemetry or Uncounted()
        self._in_charge = in_charge

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """Say what is to be said now. Answers the seconds after which to look again, or None.

        Raises ``ClusterError``; nothing was said then, or it will be found said.
        """
        if not self._in_charge():
            return NOT_IN_CHARGE_SECONDS
        incident = await self._read(namespace, name)
        if incident is None or incident.metadata.deletion_timestamp is not None:
            return None
        phase = incident.status.phase
        if phase is not Phase.VOTING and phase not in self._agent.speaks_in:
            return None
        agents = await self._roster.agents()
        if not self._has_voice(agents):
            return NO_KEY_SECONDS
        if phase is Phase.VOTING:
            return await self._vote(incident, agents)
        return await self._speak(incident, agents)

    async def _speak(self, incident: Incident, agents: Sequence[AgentResource]) -> float | None:
        case = self._case(incident, agents)
        body = await self._agent.speak(case)
        if body is not None and (case.own is None or body != case.own.body):
            try:
                statement = self._statement(incident, body, STATEMENT_VALIDITY)
            except InvalidStatement as error:
                _log.error("Statement cannot be made", incident=incident.key, reason=error.reason, error=str(error))
                return LOOK_AGAIN_SECONDS
            if await self._write(incident, {statement_annotation(self._identity.name): statement}):
                self._telemetry.statement_made(self._agent.role, body.type)
                _log.info("Statement made", incident=incident.key, step=body.type, agent=self._identity.name)
        return LOOK_AGAIN_SECONDS

    async def _vote(self, incident: Incident, agents: Sequence[AgentResource]) -> float | None:
        now = self._clock.now()
        plan = self._votable(incident, agents, now)
        if plan is None:
            return None
        ballot = await self._agent.vote(self._case(incident, agents), plan)
        # Deciding took time. What is written next is final: look once more, so that one round gets one vote.
        fresh = await self._read(incident.metadata.namespace or "", incident.metadata.name)
        if fresh is None or fresh.status.consensus.round != incident.status.consensus.round:
            return 0.0 if fresh is not None else None
        if self._votable(fresh, agents, self._clock.now()) is None:
            return None
        vote = Vote(
            round=incident.status.consensus.round,
            plan_digest=plan.digest,
            decision=ballot.decision,
            reason=str(ballot.reason),
            message=ballot.message[:1024],
            evidence=list(ballot.evidence[:6]),
        )
        written = {vote_annotation(self._identity.name): self._statement(fresh, vote, await self._vote_validity(fresh))}
        written |= self._aside(fresh, agents, ballot)
        if await self._write(fresh, written):
            self._telemetry.vote_cast(self._agent.role, ballot.decision, str(ballot.reason))
        return None

    def _votable(self, incident: Incident, agents: Sequence[AgentResource], now: datetime) -> Plan | None:
        """The plan to vote on, or None where a vote would not count or would be a second one."""
        consensus, plan = incident.status.consensus, incident.status.plan
        me, uid = self._identity.name, incident.metadata.uid
        if incident.status.phase is not Phase.VOTING or plan is None or not consensus.round:
            return None
        if consensus.deadline is not None and now >= consensus.deadline:
            return None
        member = next((m for m in consensus.members if m.agent == me), None)
        if member is None or self._identity.key.key_id not in member.key_ids:
            _log.info("Not a member of the round", agent=me, round=consensus.round)
            return None
        if self._voted(incident, agents):
            return None
        if plan.incident_uid != uid or plan.digest != consensus.plan_digest or _digest(plan) != consensus.plan_digest:
            _log.warning(
                "Plan does not match its digest or its Incident; no vote",
                agent=me,
                round=consensus.round,
                announced=consensus.plan_digest,
                found=_digest(plan),
            )
            return None
        return plan

    def _voted(self, incident: Incident, agents: Sequence[AgentResource]) -> bool:
        text = incident.metadata.annotations.get(vote_annotation(self._identity.name))
        if text is None:
            return False
        try:
            statement = open_signed(text, agents).statement
        except InvalidStatement:
            return False
        return (
            statement.agent == self._identity.name
            and statement.incident_uid == incident.metadata.uid
            and isinstance(statement.body, Vote)
            and statement.body.round >= incident.status.consensus.round
        )

    def _aside(self, incident: Incident, agents: Sequence[AgentResource], ballot: Ballot) -> dict[str, str]:
        own = self._case(incident, agents).own
        if ballot.aside is None or (own is not None and own.body == ballot.aside):
            return {}
        statement = self._statement(incident, ballot.aside, STATEMENT_VALIDITY)
        return {statement_annotation(self._identity.name): statement}

    async def _vote_validity(self, incident: Incident) -> timedelta:
        """A vote must outlive the wait for a person's approval, where one is needed."""
        if incident.status.mode != Mode.APPROVE:
            return VOTE_VALIDITY
        # A merged policy is named after all that it is made of.
        names = incident.status.policy.split("+")
        waits = [0]
        for item in await self._cluster.list(REMEDIATION_POLICY):
            try:
                policy = RemediationPolicy.model_validate(item)
            except ValidationError:
                continue
            if policy.metadata.name in names:
                waits.append(policy.spec.approval.expires_after_seconds)
        return VOTE_VALIDITY + timedelta(seconds=max(waits))

    def _case(self, incident: Incident, agents: Sequence[AgentResource]) -> Case:
        now = self._clock.now()
        opened: list[Statement] = []
        for agent in agents:
            text = incident.metadata.annotations.get(statement_annotation(agent.metadata.name))
            if text is None or agent.status.quarantine is not None:
                continue
            try:
                statement = open_envelope(text, agents, now=now)
            except InvalidStatement as error:
                _log.debug("Statement does not count", agent=agent.metadata.name, reason=error.reason)
                continue
            if statement.agent == agent.metadata.name and statement.incident_uid == incident.metadata.uid:
                opened.append(statement)
        own = next((s for s in opened if s.agent == self._identity.name), None)
        latest = {Role(s.role): s for s in sorted(opened, key=lambda s: s.issued_at)}
        return Case(now=now, incident=incident, statements=latest, own=own)

    def _has_voice(self, agents: Sequence[AgentResource]) -> bool:
        """Whether anything that is signed now would count. If not, saying it would only wake everybody up."""
        name, key_id, now = self._identity.name, self._identity.key.key_id, self._clock.now()
        resource = next((a for a in agents if a.metadata.name == name), None)
        if resource is None:
            _log.warning("No Agent resource of that name; nothing is said", agent=name)
            return False
        if resource.spec.role != self._agent.role:
            _log.warning("The Agent resource has another role", agent=name, role=resource.spec.role)
            return False
        if not any(key.key_id == key_id and key_counts(key, now) for key in resource.spec.public_keys):
            _log.warning("The Agent resource does not list this key as valid now", agent=name, key_id=key_id)
            return False
        return True

    def _statement(self, incident: Incident, body: Body, validity: timedelta) -> str:
        now = self._clock.now()
        statement = Statement(
            incident_uid=incident.metadata.uid,
            incident=incident.key[:256],
            agent=self._identity.name,
            role=self._agent.role.value,
            issued_at=now,
            expires_at=now + validity,
            generation=incident.metadata.generation,
            target=incident.spec.about,
            body=body,
        )
        return sign(statement, self._identity.key)

    async def _read(self, namespace: str, name: str) -> Incident | None:
        try:
            return Incident.model_validate(await self._cluster.get(INCIDENT, namespace, name))
        except NotFound:
            return None
        except ValidationError as error:
            _log.error("Incident is not readable", incident=f"{namespace}/{name}", error=str(error))
            return None

    async def _write(self, incident: Incident, annotations: dict[str, str]) -> bool:
        """One merge patch; False when the Incident is gone, or another process speaks with our name by now.

        The UID keeps it from another Incident of the same name.
        """
        if not self._in_charge():
            return False
        body = {"metadata": {"uid": incident.metadata.uid, "annotations": annotations}}
        try:
            await self._cluster.patch(
                INCIDENT,
                incident.metadata.namespace,
                incident.metadata.name,
                body,
                patch_type=PatchType.MERGE,
                field_manager=agent_field_manager(self._identity.name),
            )
        except NotFound:
            return False
        return True


def _digest(plan: Plan) -> str:
    try:
        return plan_digest(plan)
    except ValueError:
        return ""
