"""Whether a process can do its work: the API server answers now, and knows Incidents."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from incident_commander.api.kinds import INCIDENT
from incident_commander.errors import ClusterError
from incident_commander.ports import Clock, Cluster

ANSWER_SECONDS = 2.0
"""Less than a probe waits, so that it gets to hear the reason."""
_REMEMBERED = timedelta(seconds=2)
MISSING = "the API server does not know Incidents; install their CRDs: incident-commander crds apply"


class Readiness:
    """Asks when it is asked, at most every two seconds: no load where nobody looks, no old answer where one does."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._asking = asyncio.Lock()
        self._known: tuple[datetime, str] | None = None

    async def trouble(self) -> str:
        """Empty when all is well, else what is wrong."""
        async with self._asking:
            now = self._clock.now()
            if self._known is None or now - self._known[0] > _REMEMBERED:
                self._known = (now, await self._ask())
            return self._known[1]

    async def _ask(self) -> str:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                known = await self._cluster.offers(INCIDENT, fresh=True)
        except TimeoutError:
            return f"the API server does not answer within {ANSWER_SECONDS:g} s"
        except ClusterError as error:
            return f"the API server does not answer: {error}"
        return "" if known else MISSING
