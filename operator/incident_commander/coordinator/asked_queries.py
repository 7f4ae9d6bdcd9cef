"""Whether Prometheus itself takes the queries of policies: each is asked once, and its word remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from incident_commander.api.plan import PromQLCheck
from incident_commander.errors import MetricsUnavailable, QueryRefused
from incident_commander.evidence.queries import expression
from incident_commander.ports import Metrics

_AGAIN = timedelta(minutes=5)
"""Until a query that was not answered is asked again."""


class AskedQueries:
    """Of the queries that there are now; ``metrics`` None: nobody can be asked."""

    def __init__(self, metrics: Metrics | None) -> None:
        self._metrics = metrics
        self._told: dict[str, tuple[datetime | None, str]] = {}
        """By query: until when it counts (None: for good), and why it was refused."""

    async def refused(self, checks: Iterable[PromQLCheck], now: datetime) -> Mapping[str, str]:
        """Why, by query. Empty for what is taken, and where Prometheus does not answer."""
        wanted = {check.query: check for check in checks}
        self._told = {
            query: (until, why)
            for query, (until, why) in self._told.items()
            if query in wanted and (until is None or now < until)
        }
        for query, check in wanted.items():
            if query not in self._told and self._metrics is not None:
                until, _ = self._told[query] = await self._ask(self._metrics, check, now)
                if until is not None:
                    break  # whoever is slow or away need not be waited for again in the same look
        return {query: why for query, (_, why) in self._told.items() if why}

    async def _ask(self, metrics: Metrics, check: PromQLCheck, now: datetime) -> tuple[datetime | None, str]:
        try:
            await metrics.query(expression(check.name, check.query), now)
        except QueryRefused as error:
            return None, str(error)
        except MetricsUnavailable:
            return now + _AGAIN, ""
        return None, ""
