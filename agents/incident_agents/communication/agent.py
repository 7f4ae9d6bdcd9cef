"""Communication as an agent: what it reads, and what it says together with its vote."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from incident_agents.agent import Ballot, Case
from incident_agents.communication.story import account
from incident_agents.communication.vote import vote
from incident_agents.refusals import RulebookReader
from incident_commander.api.incident import Phase
from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.api.plan import ActionName, Plan
from incident_commander.api.role import Role
from incident_commander.api.statement import Body
from incident_commander.ports import Cluster, Object


class CommunicationAgent:
    """Speaks only with its vote: the story is about a plan."""

    role = Role.COMMUNICATION
    speaks_in: frozenset[Phase] = frozenset()

    def __init__(
        self,
        cluster: Cluster,
        *,
        operator_namespace: str = OPERATOR_NAMESPACE,
        disabled_actions: Collection[ActionName] = (),
    ) -> None:
        self._rules = RulebookReader(cluster, operator_namespace, disabled_actions)

    async def speak(self, case: Case) -> Body | None:
        """Nothing before there is a plan."""
        return None

    async def vote(self, case: Case, plan: Plan) -> Ballot:
        """May it be done now? With the account for people."""
        book = await self._rules.read(case.incident, (step.target for step in plan.steps), case.now)
        found = book.certain(plan)
        objects: dict[str, Object] = {}
        ref = case.incident.spec.target_ref
        if ref is not None and str(ref) in book.situations:
            objects["target"] = book.situations[str(ref)].target
        if ref is not None and ref.namespace and ref.namespace in book.namespaces:
            objects["namespace"] = book.namespaces[ref.namespace]
        told = account(case, plan, book.rules, found, objects)
        return replace(vote(book.rules, found), aside=told)
