"""Resolution as an agent: what it reads, and when it proposes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import structlog

from incident_agents.agent import Ballot, Case
from incident_agents.resolution.propose import merged, proposal, tried, wanted
from incident_agents.resolution.vote import vote
from incident_agents.rules import read_rules
from incident_commander.actions.action import Situation
from incident_commander.api import kinds
from incident_commander.api.agent import Role
from incident_commander.api.incident import Phase
from incident_commander.api.kinds import RUNBOOK
from incident_commander.api.meta import TargetRef
from incident_commander.api.plan import Plan
from incident_commander.api.runbook import Runbook
from incident_commander.api.statement import Proposal
from incident_commander.errors import NotFound
from incident_commander.evidence.situation import read_situation
from incident_commander.planning.planner import candidates, targets
from incident_commander.planning.policy import bounds_of
from incident_commander.planning.runbooks import runbooks_of
from incident_commander.ports import Cluster, Object

MIN_CONFIDENCE = 60
"""Below it nobody acts: the coordinator waits for a better diagnosis, or asks people."""

_log = structlog.get_logger(__name__)


class ResolutionAgent:
    """``packaged`` runbooks count where the cluster has none of their name: a team overrides one by its name."""

    role = Role.RESOLUTION
    speaks_in = frozenset({Phase.DIAGNOSING, Phase.PLANNING})

    def __init__(self, cluster: Cluster, packaged: Sequence[Runbook]) -> None:
        self._cluster = cluster
        self._packaged = list(packaged)

    async def speak(self, case: Case) -> Proposal | None:
        """One proposal for each time that plans are asked for."""
        hypotheses = wanted(case, MIN_CONFIDENCE)
        if not hypotheses:
            return None
        incident, done = case.incident, tried(case.incident)
        runbooks = await self._runbooks()
        refs = targets(incident, hypotheses, runbooks, done)
        rules, situations = await asyncio.gather(
            read_rules(self._cluster, incident, await self._target(incident.spec.target_ref)), self._situations(refs)
        )
        found = candidates(
            incident=incident,
            hypotheses=hypotheses,
            runbooks=runbooks,
            situations=situations,
            policy=rules.policy,
            now=case.now,
            tried=done,
        )
        return proposal(incident, found)

    async def vote(self, case: Case, plan: Plan) -> Ballot:
        """Recomputed from the present objects."""
        rules, situations = await asyncio.gather(
            read_rules(self._cluster, case.incident, await self._target(case.incident.spec.target_ref)),
            self._situations(step.target for step in plan.steps),
        )
        return vote(plan, case.proposal(), situations, bounds_of(rules.policy))

    async def _runbooks(self) -> list[Runbook]:
        found, problems = runbooks_of(await self._cluster.list(RUNBOOK))
        for problem in problems:
            _log.warning("Runbook is not readable and is left out", problem=problem)
        return merged(found, self._packaged)

    async def _situations(self, refs: Iterable[TargetRef]) -> dict[str, Situation]:
        distinct = {str(ref): ref for ref in refs}
        read = await asyncio.gather(*(self._situation(ref) for ref in distinct.values()))
        return {name: found for name, found in zip(distinct, read, strict=True) if found is not None}

    async def _situation(self, ref: TargetRef) -> Situation | None:
        try:
            return await read_situation(self._cluster, ref)
        except NotFound:
            return None

    async def _target(self, ref: TargetRef | None) -> Object | None:
        kind = kinds.kind_of(ref.api_version, ref.kind) if ref is not None else None
        if ref is None or kind is None:
            return None
        try:
            return await self._cluster.get(kind, ref.namespace if kind.namespaced else None, ref.name)
        except NotFound:
            return None
