"""Communication as an agent: what it reads, and what it says together with its vote."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from incident_agents.agent import Ballot, Case
from incident_agents.communication.story import account
from incident_agents.communication.vote import CommunicationReason, Objection, objection, vote
from incident_agents.rules import read_rules
from incident_commander.api import kinds
from incident_commander.api.agent import Role
from incident_commander.api.incident import Phase
from incident_commander.api.meta import TargetRef
from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.api.plan import Plan, Step
from incident_commander.api.statement import Body
from incident_commander.errors import NotFound
from incident_commander.evidence import fields
from incident_commander.evidence.owners import controller
from incident_commander.guards.guard import GuardInput
from incident_commander.ports import Cluster, Object

_OWNERS = 4


class CommunicationAgent:
    """Speaks only with its vote: the story is about a plan."""

    role = Role.COMMUNICATION
    speaks_in: frozenset[Phase] = frozenset()

    def __init__(self, cluster: Cluster, *, operator_namespace: str = OPERATOR_NAMESPACE) -> None:
        self._cluster = cluster
        self._operator_namespace = operator_namespace

    async def speak(self, case: Case) -> Body | None:
        """Nothing before there is a plan."""
        return None

    async def vote(self, case: Case, plan: Plan) -> Ballot:
        """May it be done now? With the account for people."""
        incident = case.incident
        target = await self._get(incident.spec.target_ref)
        rules = await read_rules(self._cluster, incident, target)
        home = incident.spec.target_ref.namespace if incident.spec.target_ref is not None else None
        namespace = await self._namespace(home)
        related: dict[str, list[Object]] = {}
        inputs: list[GuardInput] = []
        found: Objection | None = None
        for step in plan.steps:
            obj = await self._get(step.target)
            if obj is None:
                found = Objection(CommunicationReason.OUT_OF_SCOPE, f"step {step.name}: {step.target} does not exist")
                break
            await self._add_owners(obj, related)
            inputs.append(
                GuardInput(
                    now=case.now,
                    incident=incident,
                    plan=plan,
                    step=step,
                    target=obj,
                    policy=rules.policy,
                    namespace=await self._namespace_of(step, namespace),
                    related=related,
                    operator_namespace=self._operator_namespace,
                )
            )
        found = found or objection(inputs)
        seen = {"target": target, "namespace": namespace}
        told = account(case, plan, rules, found, {key: obj for key, obj in seen.items() if obj is not None})
        return replace(vote(rules, found), aside=told)

    async def _get(self, ref: TargetRef | None) -> Object | None:
        kind = kinds.kind_of(ref.api_version, ref.kind) if ref is not None else None
        if ref is None or kind is None:
            return None
        try:
            found = await self._cluster.get(kind, ref.namespace if kind.namespaced else None, ref.name)
        except NotFound:
            return None
        return {"apiVersion": kind.api_version, "kind": kind.kind, **found}

    async def _namespace(self, name: str | None) -> Object | None:
        if not name:
            return None
        try:
            return {"kind": "Namespace", **await self._cluster.get(kinds.NAMESPACE, None, name)}
        except NotFound:
            return None

    async def _namespace_of(self, step: Step, known: Object | None) -> Object | None:
        wanted = step.target.namespace
        return known if not wanted or fields.name(known) == wanted else await self._namespace(wanted)

    async def _add_owners(self, obj: Object, related: dict[str, list[Object]]) -> None:
        """Owners and what an HPA scales: a person may have opted out further up."""
        above = [_owner(obj), _scaled(obj)] if obj.get("kind") == "HorizontalPodAutoscaler" else [_owner(obj)]
        for _ in range(_OWNERS):
            found = await asyncio.gather(*(self._get(ref) for ref in above if ref is not None))
            above = []
            for owner in found:
                kind = kinds.kind_named(str(owner.get("kind"))) if owner is not None else None
                if owner is not None and kind is not None:
                    related.setdefault(kind.resource, []).append(owner)
                    above.append(_owner(owner))


def _owner(obj: Object) -> TargetRef | None:
    ref = controller(obj)
    if ref is None:
        return None
    namespace = fields.namespace(obj) or None
    return TargetRef(api_version=ref.api_version[:256], kind=ref.kind[:256], namespace=namespace, name=ref.name[:256])


def _scaled(hpa: Object) -> TargetRef | None:
    ref = fields.mapping(hpa, "spec", "scaleTargetRef")
    kind = kinds.kind_of(fields.text(ref, "apiVersion"), fields.text(ref, "kind"))
    if kind is None:
        return None
    namespace = fields.namespace(hpa) or None
    return TargetRef(api_version=kind.api_version, kind=kind.kind, namespace=namespace, name=fields.text(ref, "name"))
