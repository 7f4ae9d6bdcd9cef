"""Detection as an agent: what it reads, and when it speaks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from incident_agents.agent import Ballot, Case
from incident_agents.detection.alerts import AlertView, view_alert
from incident_agents.detection.assess import assess, vote
from incident_agents.evidence_source import EvidenceSource
from incident_commander.api.incident import Alert, Incident, Phase
from incident_commander.api.plan import Plan
from incident_commander.api.role import Role
from incident_commander.api.statement import AlertState, Assessment
from incident_commander.errors import MetricsUnavailable
from incident_commander.evidence import queries
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.health import workload_health
from incident_commander.evidence.scope import Scope, polling
from incident_commander.ports import Metrics, Query, Series

_HISTORY = timedelta(minutes=30)
_STEP_SECONDS = 30
_ALERTS = 5
_CRASHED_WITHIN = timedelta(minutes=2)
"""A container that crashes every minute is ready in between."""
_LONG_DIAGNOSIS = timedelta(seconds=10)
_NOTHING = Scope((), logs=False, metrics=False)


class DetectionAgent:
    """``metrics`` None: there is no Prometheus, and only health and Alertmanager's word are known."""

    role = Role.DETECTION
    speaks_in = frozenset({Phase.DIAGNOSING, Phase.AWAITING_APPROVAL})

    def __init__(self, source: EvidenceSource, metrics: Metrics | None) -> None:
        self._source = source
        self._metrics = metrics

    async def speak(self, case: Case) -> Assessment | None:
        """Once, and again when the symptom goes, so that nobody approves a plan for what has passed.

        That the alert fires is known to all: it is said together with the vote, and costs no write of its own,
        unless the diagnosis takes its time.
        """
        before = case.own.body if case.own is not None else None
        if not isinstance(before, Assessment):
            found = await self._assess(case)
            return found if found.state is not AlertState.FIRING or _takes_long(case) else None
        if before.state is AlertState.GONE:
            return None
        found = await self._assess(case)
        return found if found.state is AlertState.GONE else None

    async def vote(self, case: Case, plan: Plan) -> Ballot:
        """On what is seen now, not on what was said before; with the Assessment, if there was none yet."""
        found = await self._assess(case)
        ballot = vote(case.incident, found)
        return ballot if case.own is not None else replace(ballot, aside=found)

    async def _assess(self, case: Case) -> Assessment:
        incident = case.incident
        listening = await self._listening(case.now) if incident.spec.alerts else False
        evidence, views = await asyncio.gather(self._look(incident), self._views(incident, case.now, listening))
        target = incident.spec.target_ref
        since = case.now - _CRASHED_WITHIN
        health = workload_health(target, evidence.objects, since=since) if target is not None else None
        return assess(incident, views, health, evidence)

    async def _look(self, incident: Incident) -> Evidence:
        target = incident.spec.target_ref
        return await self._source.evidence(incident, polling(target) if target is not None else _NOTHING)

    async def _listening(self, now: datetime) -> bool:
        """Whether Prometheus has any scrape target that is up; its silence proves nothing otherwise."""
        found = await self._instant(queries.sources_up(), now)
        return any(value > 0 for series in found or () for _, value in series.points)

    async def _views(self, incident: Incident, now: datetime, listening: bool) -> list[AlertView]:
        alerts = incident.spec.alerts[:_ALERTS]
        if not listening:
            return [view_alert(alert, None, None, _STEP_SECONDS) for alert in alerts]
        return list(await asyncio.gather(*(self._view(incident, alert, now) for alert in alerts)))

    async def _view(self, incident: Incident, alert: Alert, now: datetime) -> AlertView:
        query = queries.alert(alert.labels, incident.spec.target_ref)
        current, history = await asyncio.gather(self._instant(query, now), self._range(query, now))
        return view_alert(alert, current, history, _STEP_SECONDS)

    async def _instant(self, query: Query, now: datetime) -> list[Series] | None:
        if self._metrics is None:
            return None
        try:
            return await self._metrics.query(query, now)
        except MetricsUnavailable:
            return None

    async def _range(self, query: Query, now: datetime) -> list[Series] | None:
        if self._metrics is None:
            return None
        try:
            return await self._metrics.query_range(query, now - _HISTORY, now, _STEP_SECONDS)
        except MetricsUnavailable:
            return None


def _takes_long(case: Case) -> bool:
    """Whether people wait: for a diagnosis, or for each other."""
    begun = case.incident.status.started_at
    return case.incident.status.phase is not Phase.DIAGNOSING or begun is None or case.now - begun >= _LONG_DIAGNOSIS
