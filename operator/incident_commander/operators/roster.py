"""A look at the agents now and then: who lives, who may vote, whose key ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from incident_commander.adapters.gauges import AgentGauges, AgentState, Council
from incident_commander.api.agent import Agent
from incident_commander.api.kinds import LEASE
from incident_commander.consensus.envelope import key_counts
from incident_commander.consensus.membership import members_of, quorum
from incident_commander.coordinator.gather import read_agents
from incident_commander.errors import ClusterError, TooFewAgents
from incident_commander.ports import Clock, Cluster, Object

LOOK_SECONDS = 30.0
_log = structlog.get_logger(__name__)


async def watch_agents(
    cluster: Cluster, clock: Clock, gauges: AgentGauges, namespace: str, stop: asyncio.Event
) -> None:
    """Until ``stop`` is set."""
    while not stop.is_set():
        try:
            agents, leases = await read_agents(cluster), await cluster.list(LEASE, namespace)
            gauges.show(council_of(agents, leases, clock.now()))
        except ClusterError as error:
            _log.warning("Agents cannot be looked at", error=str(error))
            gauges.show(None)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_SECONDS)


def council_of(agents: Sequence[Agent], leases: Sequence[Object], now: datetime) -> Council:
    """What they could decide now. An agent is able when it may vote and its Lease ``agent-<name>`` has not run out."""
    specs = {lease["metadata"]["name"]: lease.get("spec") or {} for lease in leases}
    members = members_of(agents, now)
    voters = {member.agent for member in members if not member.quarantined}
    able = {name for name in voters if _alive(specs.get(f"agent-{name}", {}), now)}
    try:
        needed = quorum(len(members))
    except TooFewAgents:
        needed = 0
    states = []
    for agent in sorted(agents, key=lambda a: a.metadata.name):
        ends = [key.not_after for key in agent.spec.public_keys if key_counts(key, now)]
        states.append(
            AgentState(
                name=agent.metadata.name,
                role=agent.spec.role.value,
                suspicion=agent.status.suspicion,
                quarantined=agent.status.quarantine is not None,
                heartbeat=_renewed(specs.get(f"agent-{agent.metadata.name}", {})),
                key_expiry=max(ends, default=None),
            )
        )
    return Council(states, len(members), len(able), needed)


def _renewed(spec: Object) -> datetime | None:
    return datetime.fromisoformat(spec["renewTime"]) if spec.get("renewTime") else None


def _alive(spec: Object, now: datetime) -> bool:
    renewed = _renewed(spec)
    if renewed is None or not spec.get("holderIdentity"):
        return False
    return now - renewed <= timedelta(seconds=int(spec.get("leaseDurationSeconds") or 0))
