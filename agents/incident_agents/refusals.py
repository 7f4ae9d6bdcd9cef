"""What the executor would refuse, asked beforehand: the same guards, from an agent's own reads.

Resolution asks so as not to propose it, communication because it judges what may be done now, verification because
a trial run that leaves out the guards would tell nothing about the real one. Each reads for itself: a plan that is
certain to be refused is then turned down by three of six, and cannot be certified.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from incident_agents.rules import Rules
from incident_commander.actions.action import Situation
from incident_commander.api.incident import Incident
from incident_commander.api.kinds import NAMESPACE
from incident_commander.api.meta import TargetRef
from incident_commander.api.plan import ActionName, Plan, Verb
from incident_commander.api.policy import Mode, RemediationPolicy
from incident_commander.errors import Forbidden, NotFound, Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.situation import read_situation
from incident_commander.guards.chain import BEFORE_APPROVAL, evaluate
from incident_commander.guards.enabled import REASON, switched_off
from incident_commander.guards.guard import Breaker, GuardInput, PastAttempt
from incident_commander.planning.policy import select_policy
from incident_commander.ports import Cluster, Object
from incident_commander.surroundings import attempts_of, read_breaker, read_history, read_policies

PATIENCE = timedelta(minutes=5)
"""How long the executor can wait for a guard while the votes still count. What passes sooner is no reason for a no."""

HISTORY_FRESH = timedelta(seconds=5)
"""How long the attempts of all Incidents, once listed, are good enough for an opinion."""

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Objection:
    """A guard's refusal. ``until`` None: waiting does not help."""

    guard: str
    reason: str
    message: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Everything that guards look at. ``situations`` by ``str(TargetRef)``; a target not among them does not exist.

    ``unreadable``: the policy that cannot be understood; ``broken``: why the history of attempts cannot be.
    """

    now: datetime
    incident: Incident
    situations: Mapping[str, Situation]
    policies: Sequence[RemediationPolicy] = ()
    namespaces: Mapping[str, Object] = field(default_factory=dict)
    history: Sequence[PastAttempt] = ()
    breaker: Breaker = field(default_factory=Breaker)
    operator_namespace: str = "incident-commander"
    disabled_actions: Collection[ActionName] = ()
    unreadable: str = ""
    broken: Objection | None = None

    @property
    def policy(self) -> RemediationPolicy | None:
        """The policy that rules the Incident's target; None is Observe."""
        ref = self.incident.spec.target_ref
        return self._policy_for(ref) if ref is not None else None

    @property
    def rules(self) -> Rules:
        """Which policy rules the Incident."""
        return Rules(self.policy, self.unreadable)

    @property
    def mode(self) -> Mode:
        """What is not understood may forbid everything, and counts as Observe."""
        return self.rules.mode

    def objections(self, plan: Plan) -> list[Objection]:
        """What stands against carrying out the plan now, in the order of the guards.

        In mode Observe, where the plan is a recommendation, and for what is proposed to people only, that is an action
        that the installation does not enable, and nothing else.
        """
        for step in plan.steps:
            if problem := switched_off(step, self.disabled_actions):
                return [Objection("enabled", REASON, f"step {step.name}: {problem}")]
        if self.mode is Mode.OBSERVE or plan.proposal_only:
            return []
        if self.broken is not None:
            return [self.broken]
        found: dict[tuple[str, str], Objection] = {}
        for step in plan.steps:
            if step.verb is Verb.NONE:
                continue
            situation = self.situations.get(str(step.target))
            if situation is None:
                return [Objection("scope", "TargetDeleted", f"step {step.name}: {step.target} does not exist")]
            given = GuardInput(
                now=self.now,
                incident=self.incident,
                plan=plan,
                step=step,
                target=situation.target,
                policy=self._policy_for(step.target, situation.target),
                namespace=self.namespaces.get(step.target.namespace or ""),
                related=situation.related,
                history=self.history,
                breaker=self.breaker,
                operator_namespace=self.operator_namespace,
                disabled_actions=self.disabled_actions,
            )
            for judged in evaluate(given, BEFORE_APPROVAL):
                if not judged.allowed:
                    message = f"step {step.name}: {judged.message}"
                    objection = Objection(judged.guard, judged.reason, message, judged.retry_at)
                    found.setdefault((judged.guard, judged.reason), objection)
        return list(found.values())

    def refuse(self, plan: Plan) -> None:
        """Raises ``Refusal`` for a plan that waiting would not help, with the guard's reason."""
        lasting = next((o for o in self.objections(plan) if o.until is None), None)
        if lasting is not None:
            raise Refusal(lasting.reason, lasting.message)

    def certain(self, plan: Plan) -> Objection | None:
        """Why the executor is certain to refuse the plan while the votes count, or None."""
        return next((o for o in self.objections(plan) if o.until is None or o.until > self.now + PATIENCE), None)

    def passing(self, plan: Plan) -> Objection | None:
        """What holds the plan up for now, the longest of it first, or None."""
        found = [(o.until, o) for o in self.objections(plan) if o.until is not None]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def _policy_for(self, ref: TargetRef, target: Object | None = None) -> RemediationPolicy | None:
        if target is None:
            situation = self.situations.get(str(ref))
            target = situation.target if situation is not None else None
        return select_policy(
            self.policies,
            namespace=ref.namespace or "",
            labels=fields.strings(target, "metadata", "labels"),
            severity=self.incident.spec.severity,
            target_kind=ref.kind,
        )


class RulebookReader:
    """Reads all that guards need to know, with the agent's own identity.

    Attempts of other Incidents may be some seconds old: every vote of every agent would list all Incidents else, and
    the executor reads them again right before it writes. Those of the Incident itself are what is given.
    """

    def __init__(
        self, cluster: Cluster, operator_namespace: str, disabled_actions: Collection[ActionName] = ()
    ) -> None:
        self._cluster = cluster
        self._operator_namespace = operator_namespace
        self._disabled = frozenset(disabled_actions)
        self._history: list[PastAttempt] = []
        self._until: datetime | None = None
        self._lock = asyncio.Lock()

    async def read(self, incident: Incident, targets: Iterable[TargetRef], now: datetime) -> Rulebook:
        """What there is to know about these targets. Raises ``ClusterError``."""
        cluster, target = self._cluster, incident.spec.target_ref
        refs = {str(ref): ref for ref in (*targets, *([target] if target is not None else ()))}
        situations, namespaces = await asyncio.gather(
            _each({name: _situation(cluster, ref) for name, ref in refs.items()}),
            _each({name: _namespace(cluster, name) for name in {ref.namespace or "" for ref in refs.values()} - {""}}),
        )
        book = Rulebook(
            now,
            incident,
            situations,
            namespaces=namespaces,
            operator_namespace=self._operator_namespace,
            disabled_actions=self._disabled,
        )
        try:
            book = replace(book, policies=await read_policies(cluster))
        except Refusal as refusal:
            return replace(book, unreadable=str(refusal))
        if book.mode is Mode.OBSERVE:
            return book  # nothing is written, so neither history nor the breaker matters
        try:
            history, breaker = await asyncio.gather(
                self._attempts(incident, now), _breaker(cluster, self._operator_namespace)
            )
        except Refusal as refusal:
            return replace(book, broken=Objection("history", refusal.reason, str(refusal)))
        return replace(book, history=history, breaker=breaker)

    async def _attempts(self, incident: Incident, now: datetime) -> list[PastAttempt]:
        async with self._lock:
            if self._until is None or now >= self._until:
                self._history = await read_history(self._cluster)
                self._until = now + HISTORY_FRESH
        others = [past for past in self._history if past.incident_uid != incident.metadata.uid]
        return [*others, *attempts_of(incident)]


async def _each(wanted: Mapping[str, Coroutine[Any, Any, T | None]]) -> dict[str, T]:
    """Those that exist."""
    read = await asyncio.gather(*wanted.values())
    return {name: found for name, found in zip(wanted, read, strict=True) if found is not None}


async def _situation(cluster: Cluster, ref: TargetRef) -> Situation | None:
    try:
        return await read_situation(cluster, ref)
    except NotFound:
        return None


async def _namespace(cluster: Cluster, name: str) -> Object | None:
    try:
        return {"kind": "Namespace", **await cluster.get(NAMESPACE, None, name)}
    except NotFound:
        return None


async def _breaker(cluster: Cluster, operator_namespace: str) -> Breaker:
    """The executor asks again in any case; an agent that may not read it has no opinion on it."""
    try:
        breaker, _ = await read_breaker(cluster, operator_namespace)
    except Forbidden as error:
        _log.warning("The circuit breaker cannot be read", error=str(error))
        return Breaker()
    return breaker
