"""A rehearsed cluster with one workload, six agents, and an Incident whose plan is certified."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Attempt, Consensus, Incident, Phase, RecordedVote
from incident_commander.api.meta import TargetRef, format_time
from incident_commander.api.names import API_VERSION
from incident_commander.api.plan import ActionName, Plan
from incident_commander.api.policy import RemediationPolicy
from incident_commander.api.role import Role
from incident_commander.api.statement import Decision, Statement, Vote
from incident_commander.consensus.certificate import issue
from incident_commander.consensus.digest import with_digest
from incident_commander.consensus.envelope import sign
from incident_commander.consensus.keys import SigningKey
from incident_commander.consensus.membership import members_of, quorum
from incident_commander.evidence.situation import read_situation
from incident_commander.executor.gather import read_agents
from incident_commander.executor.reconciler import Executor
from incident_commander.planning.policy import bounds_of
from incident_commander.ports import Object, PatchType, Telemetry
from incident_commander.rehearsal.world import World

EXECUTOR = "system:serviceaccount:incident-commander:executor"


class Stage:
    """``executor()`` makes a new process; ``incident`` and ``deployment`` read fresh."""

    def __init__(self, *, mode: str = "Auto", action: str = "RestartRollout", parameters: dict[str, str] | None = None):
        self.world = World(1)
        self.action, self.parameters = ActionName(action), parameters or {}
        self.keys = {role.value: SigningKey.from_seed(bytes([n]) * 32) for n, role in enumerate(Role, 1)}
        self.world.add_namespace("shop", managed=True)
        self.world.add_node("n1")
        self.admin = self.world.cluster()
        now = self.world.clock.now()
        for name, key in self.keys.items():
            public = key.public_key(now - timedelta(days=1), now + timedelta(days=1))
            body = {"metadata": {"name": name}, "spec": {"role": name, "publicKeys": [public.to_json()]}}
            self.world.apply(kinds.AGENT, None, self.of(kinds.AGENT, body))
        spec = {"mode": mode, "actions": [self.action.value], "match": {"namespaces": ["shop"]}}
        self.world.apply(
            kinds.REMEDIATION_POLICY, None, self.of(kinds.REMEDIATION_POLICY, {"metadata": {"name": "p"}, "spec": spec})
        )

    @staticmethod
    def of(kind: kinds.Kind, body: Object) -> Object:
        return {"apiVersion": kind.api_version, "kind": kind.kind, **body}

    annotations: dict[str, str] = {}
    """Of the Deployment."""

    target = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="web")
    """What the step is for."""
    home = "shop"
    """Namespace of the Incident."""

    async def prepare(self, *, approvals: int = 6, **changes: Any) -> Plan:
        """A healthy Deployment, and an Incident in phase Executing with a certificate."""
        template = {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1", "resources": {"limits": {"memory": "64Mi"}}}]},
        }
        spec = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template}
        self.world.apply(
            kinds.DEPLOYMENT, "shop", {"metadata": {"name": "web", "annotations": self.annotations}, "spec": spec}
        )
        await self.settle()
        self.world.apply(
            kinds.INCIDENT,
            self.home,
            {"apiVersion": API_VERSION, "kind": "Incident", "metadata": {"name": "inc"}, "spec": {}},
        )
        plan = await self.plan()
        await self.certify(plan, approvals=approvals, **changes)
        return plan

    async def settle(self, seconds: float = 60) -> None:
        """Let the controllers work."""
        self.world.clock.advance_to(self.world.clock.now() + timedelta(seconds=seconds))

    async def plan(self) -> Plan:
        situation = await read_situation(self.admin, self.target)
        policy = RemediationPolicy.model_validate(await self.admin.get(kinds.REMEDIATION_POLICY, None, "p"))
        now = self.world.clock.now()
        step = CATALOGUE[self.action].plan(
            situation, self.parameters, bounds=bounds_of(policy), issued_at=now, step_name="fix"
        )
        uid = (await self.incident()).metadata.uid
        cause = Cause.APP_NOT_ANSWERING
        return with_digest(
            Plan(
                incident_uid=uid,
                issued_at=now,
                runbook="r",
                cause=cause,
                object=step.target,
                steps=[step],
                risk=step.risk,
            )
        )

    async def certify(self, plan: Plan, *, approvals: int = 6, round_: int = 1, seconds: float = 600) -> None:
        """The coordinator's part: a round, its votes, the certificate, phase Executing."""
        now = self.world.clock.now()
        members = members_of(await read_agents(self.admin), now)
        votes = [self.vote(plan, Role(m.role), round_, seconds) for m in members[:approvals]]
        certificate = issue(
            plan.incident_uid,
            plan,
            round_,
            members,
            min(quorum(len(members)), approvals),
            votes,
            now,
            required_roles=(),
        )
        consensus = Consensus(
            round=round_,
            plan_digest=plan.digest,
            members=members,
            faults=certificate.faults,
            quorum=certificate.quorum,
            votes=votes,
            certificate=certificate,
        )
        await self.status(phase=Phase.EXECUTING.value, plan=plan.to_json(), consensus=consensus.to_json())

    def vote(self, plan: Plan, role: Role, round_: int, seconds: float) -> RecordedVote:
        now = self.world.clock.now()
        body = Vote(round=round_, plan_digest=plan.digest, decision=Decision.APPROVE, reason="Yes")
        statement = Statement(
            incident_uid=plan.incident_uid,
            incident=f"{self.home}/inc",
            agent=role.value,
            role=role.value,
            issued_at=now,
            expires_at=now + timedelta(seconds=seconds),
            body=body,
        )
        envelope = sign(statement, self.keys[role.value])
        return RecordedVote(
            agent=role.value, role=role.value, decision=body.decision, reason="Yes", at=now, envelope=envelope
        )

    async def status(self, **fields: Any) -> None:
        """Patch status as the coordinator."""
        coordinator = self.world.cluster("system:serviceaccount:incident-commander:coordinator")
        await coordinator.patch(
            kinds.INCIDENT, self.home, "inc", {"status": fields}, patch_type=PatchType.MERGE, subresource="status"
        )

    async def edit(self, **spec: Any) -> None:
        """Change the Deployment's spec as somebody else."""
        await self.admin.patch(kinds.DEPLOYMENT, "shop", "web", {"spec": spec}, patch_type=PatchType.MERGE)

    telemetry: Telemetry | None = None

    def executor(self) -> Executor:
        return Executor(cluster=self.world.cluster(EXECUTOR), clock=self.world.clock, telemetry=self.telemetry)

    async def incident(self) -> Incident:
        return Incident.model_validate(await self.admin.get(kinds.INCIDENT, self.home, "inc"))

    async def attempt(self) -> Attempt:
        return (await self.incident()).status.execution.attempts[-1]

    async def template(self) -> Any:
        return (await self.admin.get(kinds.DEPLOYMENT, "shop", "web"))["spec"]["template"]

    def workload_writes(self) -> int:
        """Accepted writes of the executor to the workload."""
        writes = self.world.audit.writes(user=EXECUTOR, resource=kinds.DEPLOYMENT.resource)
        return len([entry for entry in writes if entry.code >= 200])

    def now(self) -> str:
        return format_time(self.world.clock.now())
