"""One rehearsed incident from start to end, with whatever goes wrong, and what is true of every one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from incident_commander.api import kinds
from incident_commander.api.agent import Agent
from incident_commander.api.incident import Incident, Outcome, StepOutcome
from incident_commander.api.plan import ActionName
from incident_commander.api.policy import Mode
from incident_commander.cli.rehearsed import RehearsedSystem, policy
from incident_commander.consensus.audit import audit
from incident_commander.rehearsal.scenarios.catalogue import SCENARIOS
from incident_commander.rehearsal.scenarios.scenario import Stage, Truth
from incident_commander.rehearsal.world import World

EXECUTOR_USER = "system:serviceaccount:incident-commander:executor"
WORKLOADS = {"deployments.apps", "statefulsets.apps", "daemonsets.apps", "pods", "nodes", "cronjobs.batch"} | {
    "jobs.batch",
    "persistentvolumeclaims",
    "networkpolicies.networking.k8s.io",
}
COMPONENTS = "system:serviceaccount:incident-commander:"


@dataclass
class Run:
    """What is left when everything is over."""

    system: RehearsedSystem
    stage: Stage
    truth: Truth
    before: Any
    """The workload's template when the Incident was made."""
    ended: bool

    @property
    def incidents(self) -> list[Incident]:
        return self.system.incidents()

    @property
    def incident(self) -> Incident:
        (one,) = self.incidents
        return one

    def workload_writes(self) -> list[Any]:
        """Accepted writes of our own processes to anything that is not ours."""
        return [
            entry
            for entry in self.system.world.audit.writes()
            if entry.call.user.startswith(COMPONENTS) and entry.call.resource in WORKLOADS and entry.code >= 200
        ]


async def rehearse(
    scenario: str,
    seed: int,
    *,
    mode: Mode = Mode.AUTO,
    disturb: Callable[[RehearsedSystem], None] = lambda system: None,
    seconds: float = 3 * 3600,
    disabled_actions: frozenset[ActionName] = frozenset(),
    **spec: Any,
) -> Run:
    """Run a scenario until all of its Incidents have ended (and then five minutes more, for late surprises)."""
    world = World(seed)
    system = RehearsedSystem(world, policies=[policy(mode, **spec)], disabled_actions=disabled_actions)
    stage = SCENARIOS[scenario].prepare(world)
    before: list[Any] = []

    def noticed() -> bool:
        return bool(system.incidents())

    disturb(system)
    await system.engine.run(seconds=seconds, until=noticed)
    before.append(stage.template())
    await system.engine.run(seconds=seconds, until=system.settled)
    await system.engine.run(seconds=300)
    ended = await system.engine.run(seconds=seconds, until=system.settled)
    return Run(system, stage, SCENARIOS[scenario].truth, before[0], ended)


def hold(run: Run) -> None:
    """The invariants: whatever went wrong, these are true."""
    users = {entry.call.user for entry in run.workload_writes()}
    assert users <= {EXECUTOR_USER}, "only the executor writes to workloads"
    agents = [Agent.model_validate(stored) for stored in run.system.world.api.store.scan(kinds.AGENT)]
    for incident in run.incidents:
        status = incident.status
        applied = [a for a in status.execution.attempts if any(s.outcome is StepOutcome.APPLIED for s in a.steps)]
        if status.outcome is Outcome.REMEDIATED:
            assert run.stage.healthy(), f"resolved, and not healthy: {status.message}"
            assert run.truth.cause is not None, "a healthy workload was mended"
            assert {s.action for a in applied for s in a.steps} <= run.truth.mends
        if status.outcome is Outcome.ROLLED_BACK:
            assert run.stage.template() == run.before, "something was left changed"
        for attempt in status.execution.attempts:
            assert attempt.outcome is not StepOutcome.INTENDED, "an intent without an outcome"
        if status.consensus.certificate is not None:
            false = [finding for finding in audit(incident, agents, None) if finding.holds is not True]
            assert not false, "an honest record is called false"
    for namespace in {i.metadata.namespace for i in run.incidents}:
        open_ = [i for i in run.system.incidents(namespace) if not i.status.phase.terminal]
        assert not open_, f"still open: {[(i.key, i.status.phase) for i in open_]}"


def fingerprints(run: Run) -> set[str]:
    """Of every alert that is recorded in an Incident."""
    return {alert.fingerprint for incident in run.incidents for alert in incident.spec.alerts}


def workload_patches(run: Run) -> int:
    """How often the workload was written to."""
    return len([e for e in run.workload_writes() if e.call.resource == kinds.DEPLOYMENT.resource])
