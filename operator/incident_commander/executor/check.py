"""Everything that must hold immediately before a write, checked from fresh reads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from incident_commander.api.incident import GuardResult, Incident
from incident_commander.api.plan import ActionName, Plan, Step, Verb
from incident_commander.api.policy import RemediationPolicy
from incident_commander.errors import Forbidden, Invalid, Refusal
from incident_commander.executor import gather, record
from incident_commander.executor.certified import certified_plan
from incident_commander.executor.write import write
from incident_commander.guards.chain import evaluate, first_denial, waiting_until
from incident_commander.guards.guard import GuardInput
from incident_commander.planning.policy import bounds_of
from incident_commander.planning.recompute import confirm_step
from incident_commander.ports import Clock, Cluster, Object
from incident_commander.surroundings import read_breaker, read_history, read_surroundings


class HeldUp(Exception):
    """A guard refuses now and may allow later, at ``until``."""

    def __init__(self, guards: list[GuardResult], until: datetime) -> None:
        super().__init__(next((g.message for g in guards if not g.allowed), ""))
        self.guards = guards
        self.until = until


class Denied(Refusal):
    """A guard refuses; ``guards`` is what all of them said."""

    def __init__(self, guards: list[GuardResult]) -> None:
        first = next(g for g in guards if not g.allowed)
        super().__init__(first.reason, f"guard {first.guard}: {first.message}")
        self.guards = guards


@dataclass(frozen=True, slots=True)
class Cleared:
    """A step that may be written to ``target`` as it was read."""

    step: Step
    target: Object
    policy: RemediationPolicy | None
    guards: tuple[GuardResult, ...]


async def prove(cluster: Cluster, incident: Incident, now: datetime) -> Plan:
    """The certified plan, proven against the Agents and the policy as they are now.

    Raises ``Refusal`` (``InvalidCertificate``, ``TargetDeleted``, ...) or ``ClusterError``.
    """
    plan = incident.status.plan
    if plan is None:
        raise Refusal("NoCertificate", "status carries no plan")
    try:
        policy = (await read_surroundings(cluster, incident, plan.steps[0].target)).policy
    except Refusal as refusal:
        if refusal.reason != "TargetDeleted" or record.attempt_of(incident) is None:
            raise
        # Perhaps by ourselves, before a restart. The policy's own demands were met before the intent was stored.
        policy = None
    return certified_plan(incident, await gather.read_agents(cluster), policy, now)


async def clear(
    cluster: Cluster,
    clock: Clock,
    incident: Incident,
    plan: Plan,
    step: Step,
    operator_namespace: str,
    disabled_actions: Collection[ActionName] = (),
) -> Cleared:
    """Recompute the step, run every guard, and let the API server dry-run it.

    The attempt that is being carried out does not stand in its own way: locks and caps count the others.
    Raises ``HeldUp``, ``Denied``, ``Refusal`` (PlanStale, DryRunRefused, ...) or ``ClusterError``.
    """
    surroundings = await read_surroundings(cluster, incident, step.target)
    policy, situation = surroundings.policy, surroundings.situation
    confirmed = confirm_step(plan, step, situation, bounds_of(policy))
    now = clock.now()
    breaker, _ = await read_breaker(cluster, operator_namespace)
    own = record.attempt_of(incident)
    history = [
        past
        for past in await read_history(cluster)
        if own is None or (past.incident_uid, past.attempt.id) != (incident.metadata.uid, own.id)
    ]
    verdicts = evaluate(
        GuardInput(
            now=now,
            incident=record.without(incident, own),
            plan=plan,
            step=confirmed,
            target=situation.target,
            policy=policy,
            namespace=surroundings.namespace,
            related=situation.related,
            history=history,
            breaker=breaker,
            operator_namespace=operator_namespace,
            disabled_actions=disabled_actions,
        )
    )
    guards = [judged.to_result() for judged in verdicts]
    if first_denial(verdicts) is not None:
        until = waiting_until(verdicts)
        if until is not None:
            raise HeldUp(guards, until)
        raise Denied(guards)
    if confirmed.verb is not Verb.NONE:
        try:
            await write(cluster, confirmed, situation.target, dry_run=True)
        except (Invalid, Forbidden) as error:
            raise Refusal("DryRunRefused", f"the API server would refuse: {error}") from error
    return Cleared(confirmed, situation.target, policy, tuple(guards))
