"""Resolution as an agent: what it reads, and when it proposes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import structlog

from incident_agents.agent import Ballot, Case
from incident_agents.diagnosis.facts import KNOWN
from incident_agents.refusals import Rulebook, RulebookReader
from incident_agents.resolution.propose import merged, proposal, says_the_same, wanted
from incident_agents.resolution.vote import vote
from incident_commander.api.incident import Phase
from incident_commander.api.kinds import RUNBOOK
from incident_commander.api.meta import TargetRef
from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.api.plan import ActionName, Plan
from incident_commander.api.role import Role
from incident_commander.api.runbook import Runbook
from incident_commander.api.statement import Proposal
from incident_commander.planning.fact_names import unknown_facts
from incident_commander.planning.planner import candidates, moved, targets
from incident_commander.planning.policy import bounds_of
from incident_commander.planning.promql import unmeasurable
from incident_commander.planning.runbooks import runbooks_of
from incident_commander.planning.step_parameters import wrong_parameters
from incident_commander.planning.tried import tried_runbooks
from incident_commander.ports import Cluster

MIN_CONFIDENCE = 60
"""Below it nobody acts: the coordinator waits for a better diagnosis, or asks people."""

_log = structlog.get_logger(__name__)


class ResolutionAgent:
    """``packaged`` runbooks count where the cluster has none of their name: a team overrides one by its name."""

    role = Role.RESOLUTION
    speaks_in = frozenset({Phase.DIAGNOSING, Phase.PLANNING})

    def __init__(
        self,
        cluster: Cluster,
        packaged: Sequence[Runbook],
        *,
        operator_namespace: str = OPERATOR_NAMESPACE,
        disabled_actions: Collection[ActionName] = (),
    ) -> None:
        self._cluster = cluster
        self._packaged = list(packaged)
        self._told: set[str] = set()
        self._rules = RulebookReader(cluster, operator_namespace, disabled_actions)

    async def speak(self, case: Case) -> Proposal | None:
        """One proposal for each time that plans are asked for, and one more when what held it up has passed.

        Nothing is proposed that the executor would refuse whenever it is asked: the next runbook is.
        """
        hypotheses = wanted(case, MIN_CONFIDENCE)
        if not hypotheses:
            return None
        incident, status = case.incident, case.incident.status
        done = tried_runbooks(status.consensus.history, status.execution.attempts)
        runbooks = await self._runbooks()
        refs = targets(incident, hypotheses, runbooks, done)
        book = await self._rulebook(case, refs)
        if pods := moved(incident, hypotheses, runbooks, done, book.situations):
            book = await self._rulebook(case, [*refs, *pods])
        found = candidates(
            incident=incident,
            hypotheses=hypotheses,
            runbooks=runbooks,
            situations=book.situations,
            policy=book.policy,
            now=case.now,
            tried=done,
            check=book.refuse,
        )
        said = proposal(incident, found, book.passing(found.plans[0]) if found.plans else None)
        return None if says_the_same(said, case.proposal()) else said

    async def vote(self, case: Case, plan: Plan) -> Ballot:
        """Recomputed from the present objects, under the present rules."""
        book = await self._rulebook(case, (step.target for step in plan.steps))
        return vote(plan, case.proposal(), book.situations, bounds_of(book.policy), book.certain(plan))

    async def _rulebook(self, case: Case, refs: Iterable[TargetRef]) -> Rulebook:
        return await self._rules.read(case.incident, refs, case.now)

    async def _runbooks(self) -> list[Runbook]:
        found, problems = runbooks_of(await self._cluster.list(RUNBOOK))
        for problem in problems:
            _log.warning("Runbook is not readable and is left out", problem=problem)
        mistakes = {problem for runbook in found for problem in _mistakes(runbook)}
        for problem in sorted(mistakes - self._told):
            _log.warning("Runbook has a mistake: it is never planned, or never proven", problem=problem)
        self._told = mistakes
        return merged(found, self._packaged)


def _mistakes(runbook: Runbook) -> list[str]:
    return [*unknown_facts(runbook, KNOWN), *wrong_parameters(runbook), *unmeasurable(runbook)]
