"""What stands, as one process sees it: open Incidents, the agents, the circuit breaker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry

from incident_commander.adapters.instruments import consensus, incidents
from incident_commander.adapters.instruments.instrument import OPEN_PHASES


@dataclass(frozen=True, slots=True)
class Standing:
    """The open Incidents of one phase: how many, and the longest time in it, in seconds."""

    count: int = 0
    longest_seconds: float = 0.0


class IncidentGauges:
    """Of a coordinator."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = incidents.OPEN_INCIDENTS.make(registry)
        self._age = incidents.OPEN_INCIDENT_AGE.make(registry)
        self._storms = incidents.OPEN_STORMS.make(registry)

    def show(self, phases: Mapping[str, Standing], storms: int) -> None:
        """Phases that are not named have none."""
        for phase in OPEN_PHASES:
            standing = phases.get(phase, Standing())
            self._open.labels(phase).set(standing.count)
            self._age.labels(phase).set(standing.longest_seconds)
        self._storms.set(storms)


@dataclass(frozen=True, slots=True)
class AgentState:
    """What is known of one agent. Times are None where there is none."""

    name: str
    role: str
    suspicion: int
    quarantined: bool
    heartbeat: datetime | None
    key_expiry: datetime | None


@dataclass(frozen=True, slots=True)
class Council:
    """All agents, and what they could decide now: ``quorum`` 0 means nothing, as there are too few."""

    agents: Sequence[AgentState]
    members: int
    able: int
    quorum: int


class AgentGauges:
    """Of a coordinator. What cannot be read is not shown: an old value would look like a fresh one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._heartbeat = consensus.AGENT_HEARTBEAT.make(registry)
        self._suspicion = consensus.AGENT_SUSPICION.make(registry)
        self._quarantined = consensus.AGENT_QUARANTINED.make(registry)
        self._key_expiry = consensus.AGENT_KEY_EXPIRY.make(registry)
        self._council = consensus.CONSENSUS_MEMBERS.make(registry)

    def show(self, council: Council | None) -> None:
        """None: the API server could not be asked."""
        for gauge in (self._heartbeat, self._suspicion, self._quarantined, self._key_expiry, self._council):
            gauge.clear()
        if council is None:
            return
        for agent in council.agents:
            self._heartbeat.labels(agent.name, agent.role).set(_unix(agent.heartbeat))
            self._suspicion.labels(agent.name, agent.role).set(agent.suspicion)
            self._quarantined.labels(agent.name, agent.role).set(agent.quarantined)
            self._key_expiry.labels(agent.name, agent.role).set(_unix(agent.key_expiry))
        for state, count in (("Counting", council.members), ("Able", council.able), ("Needed", council.quorum)):
            self._council.labels(state).set(count)


class BreakerGauge:
    """Of an executor. Not shown while the state is not known."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tripped = incidents.CIRCUIT_BREAKER_STATE.make(registry)

    def show(self, tripped: bool | None) -> None:
        """None: the API server could not be asked."""
        self._tripped.clear()
        if tripped is not None:
            for state, now in (("Closed", not tripped), ("Tripped", tripped)):
                self._tripped.labels(state).set(now)


def _unix(at: datetime | None) -> float:
    return at.timestamp() if at is not None else 0.0
