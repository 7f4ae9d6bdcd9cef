"""Writes ``RemediationPolicy.status``: only when it says something new."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import ValidationError

from incident_commander.api import kinds
from incident_commander.api.names import FIELD_MANAGER_COORDINATOR
from incident_commander.api.plan import ActionName
from incident_commander.api.policy import RemediationPolicy, RemediationPolicyStatus
from incident_commander.coordinator.asked_queries import AskedQueries
from incident_commander.coordinator.gather import read_agents
from incident_commander.coordinator.policy_review import not_understood, review
from incident_commander.errors import NotFound
from incident_commander.ports import Clock, Cluster, Metrics, Object, PatchType

REVIEW_SECONDS = 10.0
"""Other policies and Agents change what a policy is good for, so all are looked at together, now and then."""


class PolicyReviewer:
    """Looks at all policies. Costs two lists each time, and a write only where a condition changed.

    ``metrics`` is asked each new query once, whether it takes it.
    """

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        disabled_actions: Collection[ActionName] = (),
        metrics: Metrics | None = None,
    ) -> None:
        self._queries = AskedQueries(metrics)
        self._cluster = cluster
        self._clock = clock
        self._disabled = disabled_actions

    async def review_all(self) -> float:
        """Answers the seconds after which to look again. Raises ``ClusterError``."""
        now = self._clock.now()
        bodies = await self._cluster.list(kinds.REMEDIATION_POLICY)
        agents = await read_agents(self._cluster)
        understood: dict[str, RemediationPolicy] = {}
        wanted: dict[str, RemediationPolicyStatus] = {}
        for body in bodies:
            name, generation = body["metadata"]["name"], int(body["metadata"].get("generation") or 0)
            try:
                understood[name] = RemediationPolicy.model_validate(body)
            except ValidationError as error:
                conditions = not_understood(body, error, now)
                wanted[name] = RemediationPolicyStatus(observed_generation=generation, conditions=conditions)
        policies = list(understood.values())
        refused = await self._queries.refused((q for p in policies for q in p.spec.verification.promql), now)
        for name, policy in understood.items():
            conditions = review(policy, policies, agents, now, self._disabled, refused)
            generation = policy.metadata.generation
            wanted[name] = RemediationPolicyStatus(observed_generation=generation, conditions=conditions)
        for body in bodies:
            await self._store(body, wanted[body["metadata"]["name"]].to_json())
        return REVIEW_SECONDS

    async def _store(self, body: Object, status: Object) -> None:
        if (body.get("status") or {}) == status:
            return
        meta = body["metadata"]
        try:
            await self._cluster.patch(
                kinds.REMEDIATION_POLICY,
                None,
                meta["name"],
                {"metadata": {"uid": meta.get("uid")}, "status": status},
                patch_type=PatchType.MERGE,
                subresource="status",
                field_manager=FIELD_MANAGER_COORDINATOR,
            )
        except NotFound:
            return
