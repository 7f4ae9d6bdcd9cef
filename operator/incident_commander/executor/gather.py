"""The executor's own reads, immediately before a write."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from incident_commander.actions.action import Situation
from incident_commander.api import kinds
from incident_commander.api.agent import Agent
from incident_commander.api.incident import Incident
from incident_commander.api.meta import TargetRef
from incident_commander.api.policy import RemediationPolicy
from incident_commander.errors import NotFound, Refusal
from incident_commander.evidence.situation import read_situation
from incident_commander.guards.guard import PastAttempt
from incident_commander.planning.policy import select_policy
from incident_commander.ports import Cluster, Object


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else is true about a target: its namespace and the policy that rules it."""

    situation: Situation
    namespace: Object | None
    policy: RemediationPolicy | None


async def read_incident(cluster: Cluster, namespace: str, name: str) -> Incident | None:
    """The Incident now, or None when it is gone."""
    try:
        return Incident.model_validate(await cluster.get(kinds.INCIDENT, namespace, name))
    except NotFound:
        return None


async def read_agents(cluster: Cluster) -> list[Agent]:
    """All Agents that can be understood; one that cannot has no vote, and still none of ours is lowered."""
    agents = []
    for obj in await cluster.list(kinds.AGENT):
        try:
            agents.append(Agent.model_validate(obj))
        except ValidationError as error:
            name = obj.get("metadata", {}).get("name")
            raise Refusal("AgentUnreadable", f"Agent/{name}: {error.errors()[0]['msg']}") from error
    return agents


async def read_policies(cluster: Cluster) -> list[RemediationPolicy]:
    """All policies. One that cannot be understood stops everything: it may be the restrictive one."""
    policies = []
    for obj in await cluster.list(kinds.REMEDIATION_POLICY):
        try:
            policies.append(RemediationPolicy.model_validate(obj))
        except ValidationError as error:
            name = obj.get("metadata", {}).get("name")
            raise Refusal("PolicyUnreadable", f"RemediationPolicy/{name}: {error.errors()[0]['msg']}") from error
    return policies


async def read_surroundings(cluster: Cluster, incident: Incident, target: TargetRef) -> Surroundings:
    """The target with what belongs to it. Raises ``Refusal`` TargetDeleted when it does not exist."""
    try:
        situation = await read_situation(cluster, target)
    except NotFound as error:
        raise Refusal("TargetDeleted", f"{target} does not exist any more") from error
    namespace: Object | None = None
    if target.namespace is not None:
        namespace = await cluster.get(kinds.NAMESPACE, None, target.namespace)
    policy = select_policy(
        await read_policies(cluster),
        namespace=target.namespace or "",
        labels=situation.target.get("metadata", {}).get("labels") or {},
        severity=incident.spec.severity,
        target_kind=target.kind,
    )
    return Surroundings(situation, namespace, policy)


async def read_history(cluster: Cluster) -> list[PastAttempt]:
    """Every attempt that any Incident of the cluster records."""
    history = []
    for obj in await cluster.list(kinds.INCIDENT):
        try:
            incident = Incident.model_validate(obj)
        except ValidationError as error:
            meta = obj.get("metadata", {})
            where = f"{meta.get('namespace')}/{meta.get('name')}"
            raise Refusal("HistoryUnreadable", f"Incident {where}: {error.errors()[0]['msg']}") from error
        history += [
            PastAttempt(incident.metadata.uid, incident.key, incident.status.phase.terminal, attempt)
            for attempt in incident.status.execution.attempts
        ]
    return history
