"""The executor's own reads, immediately before a write."""

from __future__ import annotations

from pydantic import ValidationError

from incident_commander.api import kinds
from incident_commander.api.agent import Agent
from incident_commander.api.incident import Incident
from incident_commander.errors import NotFound, Refusal
from incident_commander.ports import Cluster


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
