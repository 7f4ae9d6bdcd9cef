"""A cluster in memory, an Incident on it, and the commands run against it."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from typer.testing import CliRunner

from incident_commander import errors
from incident_commander.api import kinds
from incident_commander.api.agent import Agent
from incident_commander.api.incident import (
    Alert,
    AlertStatus,
    ApprovalState,
    Attempt,
    Consensus,
    Execution,
    Incident,
    IncidentSpec,
    IncidentStatus,
    Phase,
    RoundDecision,
    StepOutcome,
    StepRecord,
    TimelineEntry,
)
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import ObjectMeta
from incident_commander.api.plan import Plan
from incident_commander.api.policy import Mode
from incident_commander.api.statement import Citation, CitationKind, Hypothesis, Severity
from incident_commander.cli.main import full_app
from incident_commander.cli.options import Where
from incident_commander.cli.work.desk import Connection, Session
from incident_commander.consensus.membership import members_of, quorum, tolerated_faults
from incident_commander.ports import Object, PatchType, Propagation
from incident_commander.rehearsal.patching import merge
from tests.unit.consensus.council import NOW, UID, WEB, Council, plan

COUNCIL = Council(6, about=IncidentSpec(target_ref=WEB).about)
PLAN = plan(summary="Back to web:1")
HOSTILE = "\x1b[2J\x1b]0;owned\x07 [bold red]APPROVED[/] \u202egnp.exe :warning: \x9b31m\r"


def incident(phase: Phase = Phase.AWAITING_APPROVAL, *, of: Plan = PLAN, **status: Any) -> Incident:
    """An Incident with six approvals and a certificate, in some phase."""
    votes = [COUNCIL.accept(COUNCIL.vote(n, PLAN), PLAN) for n in range(6)]
    members = members_of(COUNCIL.agents, NOW)
    fields: dict[str, Any] = {
        "phase": phase,
        "mode": Mode.APPROVE.value,
        "message": "waiting for a person",
        "started_at": NOW - timedelta(minutes=1),
        "cause": "CrashAfterRollout",
        "confidence": 90,
        "votes": "6/6",
        "action": "RollbackRollout",
        "target": "Deployment/web",
        "plan": of,
        "hypotheses": [
            Hypothesis(
                cause=PLAN.cause,
                object=WEB,
                confidence=90,
                summary="the newest revision exits",
                evidence=[
                    Citation(kind=CitationKind.OBJECT, ref="Pod/shop/web-1", path="status.phase", value="Failed")
                ],
            )
        ],
        "gaps": ["Prometheus did not answer"],
        "consensus": Consensus(
            round=1,
            plan_digest=PLAN.digest,
            members=members,
            faults=tolerated_faults(6),
            quorum=quorum(6),
            opened_at=NOW,
            deadline=NOW + timedelta(minutes=1),
            decision=RoundDecision.CERTIFIED,
            votes=votes,
            certificate=COUNCIL.certificate(PLAN),
        ),
        "approval": ApprovalState(required=True, plan_digest=PLAN.digest, expires_at=NOW + timedelta(minutes=15)),
        "timeline": [
            TimelineEntry(
                at=NOW - timedelta(minutes=1), actor="gateway", reason="AlertReceived", message="web is down"
            ),
            TimelineEntry(at=NOW, actor="coordinator", reason="QuorumReached", message="6 of 6"),
        ],
    }
    return Incident(
        metadata=ObjectMeta(name="web-crash", namespace="shop", uid=UID, creation_timestamp=NOW - timedelta(minutes=1)),
        spec=IncidentSpec(
            alerts=[Alert(fingerprint="f", status=AlertStatus.FIRING, labels={"alertname": "WebDown"}, starts_at=NOW)],
            severity=Severity.CRITICAL,
            target_ref=WEB,
            description="web is down",
        ),
        status=IncidentStatus(**{**fields, **status}),
    )


def applied(outcome: StepOutcome = StepOutcome.APPLIED, *, undo_possible: bool = True) -> Execution:
    """The record of carrying ``PLAN`` out."""
    step = PLAN.steps[0]
    record = StepRecord(
        name=step.name,
        action=step.action,
        target=step.target,
        verb=step.verb,
        operations=step.operations,
        pre_image=step.pre_image,
        undo_operations=step.undo.operations,
        undo_possible=undo_possible,
        outcome=outcome,
    )
    attempt = Attempt(
        id=f"1-{PLAN.digest[7:23]}",
        round=1,
        plan_digest=PLAN.digest,
        started_at=NOW,
        outcome=outcome,
        message="done",
        steps=[record],
    )
    return Execution(attempts=[attempt])


class FakeCluster:
    """Get, list, create and merge patch. ``refuse`` maps (verb, resource) to the error that is raised.

    ``lost`` maps the number of a write (dry-runs too, from 0) to the error that answers it, and whether it was written
    nevertheless.
    """

    def __init__(self, *objects: Object) -> None:
        self.objects: dict[tuple[str, str | None, str], Object] = {}
        self.patches: list[tuple[str, str, Any]] = []
        self.refuse: dict[tuple[str, str], errors.ClusterError] = {}
        self.lost: dict[int, tuple[errors.ClusterError, bool]] = {}
        self.writes = 0
        self.user = "jane@example.com"
        for item in objects:
            kind = kinds.kind_named(item["kind"])
            assert kind is not None
            self.put(kind, item)

    def put(self, kind: Kind, item: Object) -> None:
        meta = item["metadata"]
        self.objects[(kind.resource, meta.get("namespace"), meta["name"])] = item

    def _allow(self, verb: str, kind: Kind) -> None:
        if error := self.refuse.get((verb, kind.resource)):
            raise error

    def _answer(self) -> tuple[errors.ClusterError | None, bool]:
        """To the next write: an error or none, and whether it is written."""
        self.writes += 1
        return self.lost.get(self.writes - 1, (None, True))

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        self._allow("get", kind)
        try:
            return copy.deepcopy(self.objects[(kind.resource, namespace, name)])
        except KeyError:
            raise errors.NotFound(f'{kind.resource} "{name}" not found') from None

    async def list(
        self, kind: Kind, namespace: str | None = None, *, labels: str | None = None, fields: str | None = None
    ) -> list[Object]:
        self._allow("list", kind)
        found = [o for (r, n, _), o in self.objects.items() if r == kind.resource and namespace in (None, n)]
        if labels:
            key, _, value = labels.partition("=")
            found = [o for o in found if (o["metadata"].get("labels") or {}).get(key) == value]
        return copy.deepcopy(found)

    async def create(
        self, kind: Kind, namespace: str | None, body: Object, *, dry_run: bool = False, field_manager: str = ""
    ) -> Object:
        self._allow("create", kind)
        if kind is kinds.SELF_SUBJECT_REVIEW:
            return {**body, "status": {"userInfo": {"username": self.user}}}
        error, written = self._answer()
        if written and not dry_run:
            self.put(kind, body)
        if error is not None:
            raise error
        return body

    async def patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        body: Any,
        *,
        patch_type: PatchType,
        subresource: str | None = None,
        dry_run: bool = False,
        field_manager: str = "",
    ) -> Object:
        self._allow("patch", kind)
        assert patch_type is PatchType.MERGE
        stored = await self.get(kind, namespace, name)
        error, written = self._answer()
        changed: Object = merge(stored, body)
        if written and not dry_run:
            self.patches.append((kind.resource, name, body))
            self.put(kind, changed)
        if error is not None:
            raise error
        return copy.deepcopy(changed)

    async def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation | None = None,
        dry_run: bool = False,
    ) -> None:
        raise AssertionError("the command line deletes nothing")

    async def evict(
        self,
        namespace: str,
        pod: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> None:
        raise AssertionError("the command line evicts nothing")

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool = False,
        tail_lines: int = 200,
        limit_bytes: int = 262_144,
    ) -> str:
        raise AssertionError("the command line reads no logs")

    async def offers(self, kind: Kind, subresource: str | None = None, *, fresh: bool = False) -> bool:
        return True


@dataclass
class Ran:
    """What a command said."""

    code: int
    out: str
    err: str


@dataclass
class Stage:
    """Commands against one cluster at one time."""

    cluster: FakeCluster = field(default_factory=FakeCluster)
    now: datetime = NOW
    closed: int = 0

    @classmethod
    def of(cls, *incidents: Incident, agents: Sequence[Agent] = COUNCIL.agents) -> Stage:
        """The incidents, and web as ``PLAN`` leaves it."""
        meta: Object = {"name": WEB.name, "namespace": WEB.namespace, "uid": WEB.uid}
        meta |= {"generation": WEB.generation, "resourceVersion": "1"}
        spec = {"template": {"spec": {"containers": [{"name": "web", "image": "web:1"}]}}}
        web = {"apiVersion": WEB.api_version, "kind": WEB.kind, "metadata": meta, "spec": spec}
        namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in ("shop", "other")]
        return cls(FakeCluster(web, *namespaces, *(i.to_json() for i in incidents), *(a.to_json() for a in agents)))

    async def connect(self, where: Where) -> Connection:
        if where.context == "nowhere":
            raise errors.ConfigurationError("no context named nowhere")
        return Connection(self.cluster, "shop", self.close)

    async def close(self) -> None:
        self.closed += 1

    def run(self, *arguments: str, answer: str = "", columns: int = 80) -> Ran:
        session = Session(connect=self.connect, now=lambda: self.now, program="kubectl incident")
        runner = CliRunner(env={"COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "dumb"})
        result = runner.invoke(full_app(), list(arguments), input=answer, obj=session)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)


def words(text: str) -> str:
    """The text without its line breaks and padding, so that tests do not depend on where lines wrap."""
    return re.sub(r"\s+", " ", text)
