"""Six agents with real keys, an Incident in any phase, and votes: what the decisions are tested with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from incident_commander.api.agent import Agent, AgentSpec
from incident_commander.api.causes import Cause
from incident_commander.api.incident import (
    Alert,
    AlertStatus,
    Attempt,
    Check,
    CheckResult,
    Execution,
    Incident,
    IncidentSpec,
    IncidentStatus,
    Phase,
    StepOutcome,
    StepRecord,
)
from incident_commander.api.meta import ObjectMeta, TargetRef
from incident_commander.api.plan import ActionName, Op, Operation, Plan, Risk, Step, Undo, Verb
from incident_commander.api.policy import Mode, RemediationPolicy, RemediationPolicySpec
from incident_commander.api.role import Role
from incident_commander.api.statement import Body, Decision, Diagnosis, Hypothesis, Proposal, Statement, Vote
from incident_commander.consensus.digest import with_digest
from incident_commander.consensus.envelope import sign
from incident_commander.consensus.keys import SigningKey
from incident_commander.coordinator.decide import decide
from incident_commander.coordinator.transition import Transition
from incident_commander.coordinator.view import CoordinatorSettings, TargetState, View
from incident_commander.verification.observation import WORKLOAD_HEALTHY, Observation

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
TARGET = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="web", uid="u-web", generation=3)
HEALTHY = Observation((Check(name=WORKLOAD_HEALTHY, result=CheckResult.PASS, message="3 of 3 ready"),))
SICK = Observation((Check(name=WORKLOAD_HEALTHY, result=CheckResult.FAIL, message="0 of 3 ready"),))
BLIND = Observation((Check(name=WORKLOAD_HEALTHY, result=CheckResult.INCONCLUSIVE, message="not read"),))


def a_step(action: ActionName = ActionName.RESTART_ROLLOUT) -> Step:
    escalation = action is ActionName.ESCALATE
    return Step(
        name=action.value,
        action=action,
        target=TARGET,
        verb=Verb.NONE if escalation else Verb.PATCH,
        operations=[] if escalation else [Operation(op=Op.ADD, path="/spec/template/metadata/x", value='"1"')],
        undo=Undo(possible=not escalation),
        risk=Risk.LOW,
        summary=f"{action.value} of web",
    )


def a_plan(runbook: str = "restart", *steps: Step, **values: Any) -> Plan:
    return with_digest(
        Plan(
            incident_uid="u-inc",
            issued_at=NOW,
            runbook=runbook,
            cause=Cause.APP_NOT_ANSWERING,
            object=TARGET,
            steps=list(steps) or [a_step()],
            risk=Risk.LOW,
            summary=f"{runbook} web",
            **values,
        )
    )


@dataclass
class Board:
    """A quorum of six; ``status`` and ``annotations`` evolve as a test goes on."""

    mode: Mode | None = Mode.AUTO
    keys: dict[str, SigningKey] = field(
        default_factory=lambda: {r.value: SigningKey.from_seed(bytes([n]) * 32) for n, r in enumerate(Role, 1)}
    )
    spec: IncidentSpec = field(
        default_factory=lambda: IncidentSpec(
            target_ref=TARGET,
            alerts=[Alert(fingerprint="f1", status=AlertStatus.FIRING, labels={"alertname": "Down"}, starts_at=NOW)],
        )
    )
    status: IncidentStatus = field(default_factory=IncidentStatus)
    policy_values: dict[str, Any] = field(default_factory=dict)

    @property
    def agents(self) -> tuple[Agent, ...]:
        def agent(name: str, key: SigningKey) -> Agent:
            public = key.public_key(NOW - timedelta(days=1), NOW + timedelta(days=365))
            return Agent(metadata=ObjectMeta(name=name), spec=AgentSpec(role=Role(name), public_keys=[public]))

        return tuple(agent(name, key) for name, key in self.keys.items())

    @property
    def policy(self) -> RemediationPolicy | None:
        if self.mode is None:
            return None
        spec = RemediationPolicySpec(mode=self.mode, **self.policy_values)
        return RemediationPolicy(metadata=ObjectMeta(name="shop"), spec=spec)

    @property
    def incident(self) -> Incident:
        meta = ObjectMeta(name="inc", namespace="shop", uid="u-inc", generation=1, creation_timestamp=NOW)
        return Incident(metadata=meta, spec=self.spec, status=self.status)

    def statement(self, role: Role, body: Body, *, at: datetime = NOW, seconds: float = 600) -> Statement:
        return Statement(
            incident_uid="u-inc",
            incident="shop/inc",
            agent=role.value,
            role=role.value,
            issued_at=at,
            expires_at=at + timedelta(seconds=seconds),
            body=body,
        )

    def vote(
        self, role: Role, decision: Decision, *, at: datetime = NOW, reason: str = "Because", **values: Any
    ) -> str:
        consensus = self.status.consensus
        body = Vote(
            round=values.get("round", consensus.round),
            plan_digest=values.get("plan_digest", consensus.plan_digest),
            decision=decision,
            reason=reason,
        )
        return sign(self.statement(role, body, at=at), self.keys[role.value])

    def diagnosed(self, confidence: int = 90, cause: Cause = Cause.APP_NOT_ANSWERING) -> Statement:
        hypothesis = Hypothesis(cause=cause, object=TARGET, confidence=confidence, summary="it hangs")
        return self.statement(Role.DIAGNOSIS, Diagnosis(hypotheses=[hypothesis]))

    def proposed(self, *plans: Plan, serial: int | None = None) -> Statement:
        body = Proposal(plans=list(plans), serial=serial or max(1, self.status.planning_serial), message="none fits")
        return self.statement(Role.RESOLUTION, body)

    def view(self, *statements: Statement, now: datetime = NOW, **values: Any) -> View:
        return View(
            now=now,
            incident=self.incident,
            settings=CoordinatorSettings(),
            agents=values.pop("agents", self.agents),
            statements={s.agent: s for s in statements},
            policy=self.policy,
            target=values.pop("target", TargetState.PRESENT),
            **values,
        )

    def step(self, *statements: Statement, now: datetime = NOW, **values: Any) -> Transition:
        """One decision; the status moves on."""
        transition = decide(self.view(*statements, now=now, **values))
        self.status = transition.status
        return transition

    def voting(self, plan: Plan | None = None) -> Plan:
        """Bring the Incident to phase Voting."""
        plan = plan or a_plan()
        self.step()
        self.step(self.diagnosed(), self.proposed(plan))
        assert self.status.phase is Phase.VOTING, self.status.message
        return plan

    def ballots(self, approve: int, reject: int = 0, abstain: int = 0, **values: Any) -> dict[str, str]:
        decisions = [Decision.APPROVE] * approve + [Decision.REJECT] * reject + [Decision.ABSTAIN] * abstain
        return {r.value: self.vote(r, d, **values) for r, d in zip(Role, decisions, strict=False)}


def later(seconds: float) -> datetime:
    """So long after ``NOW``."""
    return NOW + timedelta(seconds=seconds)


def executed(board: Board, outcome: StepOutcome, reason: str = "Applied", **values: object) -> None:
    """The executor records an attempt."""
    consensus = board.status.consensus
    record = StepRecord(name="s", action=ActionName.RESTART_ROLLOUT, target=TARGET, verb=Verb.PATCH, outcome=outcome)
    attempt = Attempt(
        id=f"{consensus.round}-x",
        round=consensus.round,
        plan_digest=consensus.plan_digest,
        started_at=NOW,
        finished_at=NOW,
        outcome=outcome,
        reason=reason,
        message="patched web",
        steps=[record],
    ).model_copy(update=values)
    attempts = [a for a in board.status.execution.attempts if a.id != attempt.id]
    board.status = board.status.model_copy(update={"execution": Execution(attempts=[*attempts, attempt])})
