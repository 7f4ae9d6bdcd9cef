"""The whole system on a rehearsed cluster: gateway, coordinator, executor and six agents, each as a process of its own.

The same code as on a real cluster, with the same separate identities; only the ports differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from incident_agents.assembly import build_agent
from incident_agents.runtime import AgentIdentity, AgentRunner
from incident_commander.api.agent import Agent, AgentSpec
from incident_commander.api.incident import Incident
from incident_commander.api.kinds import AGENT, INCIDENT, REMEDIATION_POLICY
from incident_commander.api.meta import ObjectMeta
from incident_commander.api.plan import ActionName
from incident_commander.api.policy import Mode, RemediationPolicy, RemediationPolicySpec
from incident_commander.api.role import Role
from incident_commander.consensus.keys import SigningKey
from incident_commander.coordinator.reconciler import Coordinator
from incident_commander.executor.reconciler import Executor, ExecutorSettings
from incident_commander.gateway.metrics import GatewayMetrics
from incident_commander.gateway.receiver import Receiver
from incident_commander.gateway.settings import GatewaySettings
from incident_commander.intake.payload import parse_notification
from incident_commander.planning.runbooks import builtin_runbooks
from incident_commander.rehearsal.engine import Engine
from incident_commander.rehearsal.identities import agent_account, service_account
from incident_commander.rehearsal.objects import namespace_of
from incident_commander.rehearsal.world import World

COORDINATOR, EXECUTOR, GATEWAY = "coordinator", "executor", "gateway"


def policy(mode: Mode, *, name: str = "rehearsal", **spec: Any) -> RemediationPolicy:
    """A policy for every namespace that allows every action; ``spec`` overrides fields."""
    fields = {"mode": mode, "actions": list(ActionName)} | spec
    return RemediationPolicy(metadata=ObjectMeta(name=name), spec=RemediationPolicySpec(**fields))


def key_of(seed: int, agent: str) -> SigningKey:
    """The signing key of an agent, derived from the seed so that a rehearsal repeats to the byte."""
    return SigningKey.from_seed(hashlib.sha256(f"incident-commander/rehearsal/{seed}/{agent}".encode()).digest())


class RehearsedSystem:
    """All processes in a world. A component's name is its user; an agent's component is called as its role."""

    def __init__(
        self,
        world: World,
        *,
        policies: Sequence[RemediationPolicy] = (),
        roles: Sequence[Role] = tuple(Role),
        disabled_actions: frozenset[ActionName] = frozenset(),
    ) -> None:
        self.world = world
        self.disabled_actions = disabled_actions
        self.engine = Engine(world)
        self.runbooks = builtin_runbooks()
        for entry in policies:
            world.apply(REMEDIATION_POLICY, None, entry.to_json())
        for role in roles:
            self._install(role)
        self.engine.add(COORDINATOR, self._coordinator)
        self.engine.add(EXECUTOR, self._executor)
        for role in roles:
            self.engine.add(role.value, self.agent(role))
        self._gateway = self._receiver()
        self.engine.receiver = self.receive

    def incidents(self, namespace: str | None = None) -> list[Incident]:
        """All Incidents as they are stored."""
        return [
            Incident.model_validate(obj)
            for obj in self.world.api.store.scan(INCIDENT)
            if namespace is None or namespace_of(obj) == namespace
        ]

    def settled(self) -> bool:
        """Whether there are Incidents and all of them have ended."""
        found = self.incidents()
        return bool(found) and all(incident.status.phase.terminal for incident in found)

    def agent(self, role: Role) -> Callable[[], AgentRunner]:
        """Builds an agent's process."""
        user, name = agent_account(role.value), role.value

        def build() -> AgentRunner:
            cluster, metrics, clock = self.world.cluster(user), self.world.metrics(user), self.world.clock
            agent = build_agent(
                role,
                cluster=cluster,
                metrics=metrics,
                clock=clock,
                runbooks=self.runbooks,
                disabled_actions=self.disabled_actions,
            )
            return AgentRunner(agent, AgentIdentity(name, key_of(self.world.seed, name)), cluster, clock)

        return build

    def _install(self, role: Role) -> None:
        now = self.world.clock.now()
        key = key_of(self.world.seed, role.value).public_key(now - timedelta(days=1), now + timedelta(days=365))
        spec = AgentSpec(role=role, service_account=f"agent-{role.value}", public_keys=[key])
        self.world.apply(AGENT, None, Agent(metadata=ObjectMeta(name=role.value), spec=spec).to_json())

    def _coordinator(self) -> Coordinator:
        user = service_account(COORDINATOR)
        return Coordinator(cluster=self.world.cluster(user), metrics=self.world.metrics(user), clock=self.world.clock)

    def _executor(self) -> Executor:
        settings = ExecutorSettings(disabled_actions=self.disabled_actions)
        cluster = self.world.cluster(service_account(EXECUTOR))
        return Executor(cluster=cluster, clock=self.world.clock, settings=settings)

    def _receiver(self) -> Receiver:
        cluster = self.world.cluster(service_account(GATEWAY))
        return Receiver(cluster, self.world.clock, GatewaySettings(), GatewayMetrics())

    async def receive(self, payload: dict[str, Any]) -> None:
        """What the gateway does with a notification, without HTTP."""
        await self._gateway.receive(parse_notification(json.dumps(payload).encode(), self.world.clock.now()))
