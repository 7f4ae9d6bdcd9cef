"""The Agent resources: whose signature counts."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from pydantic import ValidationError

from incident_commander.api.agent import Agent
from incident_commander.api.kinds import AGENT
from incident_commander.ports import Clock, Cluster

_FRESH = timedelta(seconds=10)
"""Keys overlap when rotated, so an answer of some seconds ago is as good."""

_log = structlog.get_logger(__name__)


class Roster:
    """Reads all Agents, at most every ten seconds. May be shared by several runners."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._known: list[Agent] = []
        self._until: datetime | None = None

    async def agents(self) -> list[Agent]:
        """All that are readable. Raises ``ClusterError``."""
        now = self._clock.now()
        if self._until is None or now >= self._until:
            self._known = [a for item in await self._cluster.list(AGENT) if (a := _parse(item)) is not None]
            self._until = now + _FRESH
        return self._known


def _parse(item: dict[str, object]) -> Agent | None:
    try:
        return Agent.model_validate(item)
    except ValidationError as error:
        _log.warning("Agent is not readable", error=str(error))
        return None
