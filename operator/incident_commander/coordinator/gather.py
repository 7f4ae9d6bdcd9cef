"""The coordinator's reads: what one decision needs, and no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import ValidationError

from incident_commander.actions.send import look
from incident_commander.actions.write import is_undone, shows
from incident_commander.api import kinds
from incident_commander.api.agent import Agent
from incident_commander.api.incident import AlertStatus, Incident, Phase
from incident_commander.api.meta import TargetRef
from incident_commander.api.names import statement_annotation, vote_annotation
from incident_commander.api.plan import VerificationPlan
from incident_commander.api.policy import RemediationPolicy
from incident_commander.api.statement import AlertState, Assessment, CitationKind, Proposal, Statement, Vote
from incident_commander.consensus.envelope import open_envelope, read_unverified
from incident_commander.coordinator.cascading import Topologies, read_effect
from incident_commander.coordinator.observe import observe
from incident_commander.coordinator.view import CoordinatorSettings, TargetState, View
from incident_commander.errors import ClusterError, Forbidden, InvalidStatement, NotFound, Refusal
from incident_commander.evidence.situation import read_situation
from incident_commander.planning.policy import bounds_of, select_policy
from incident_commander.planning.recompute import confirm_step
from incident_commander.ports import Clock, Cluster, Metrics, Object
from incident_commander.verification.observation import Observation

_ACTING = frozenset({Phase.EXECUTING, Phase.VERIFYING})
CITED_BOUND = 24
"""Objects read to check the citations of one round."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The ports, and what is read for several Incidents at once."""

    cluster: Cluster
    metrics: Metrics | None
    clock: Clock
    topologies: Topologies
    settings: CoordinatorSettings = field(default_factory=CoordinatorSettings)


async def gather_view(outside: Outside, incident: Incident, earlier: Mapping[str, tuple[str, ...]]) -> View:
    """What ``decide`` needs in the present phase. Raises ``ClusterError`` when that cannot be read."""
    phase, now = incident.status.phase, outside.clock.now()
    view = View(now=now, incident=incident, settings=outside.settings)
    may_heal = phase is Phase.ESCALATED and _all_resolved(incident)
    if phase is Phase.PENDING:
        namespace = outside.settings.operator_namespace
        effect = await read_effect(outside.cluster, outside.topologies, incident, namespace)
        return replace(view, effect=effect)
    if phase.terminal and incident.spec.undo is None and not may_heal:
        return view
    # While something is carried out and measured nothing that agents say is looked at, and it is looked often.
    agents = [] if phase in _ACTING else await read_agents(outside.cluster)
    statements, invalid = _open(incident, agents, now)
    target = incident.spec.target_ref
    obj, state = await _target(outside.cluster, target)
    stale = ""
    if phase is Phase.AWAITING_APPROVAL and state in (TargetState.PRESENT, TargetState.UNKNOWN):
        state, stale = await _acted_on(outside.cluster, incident, state)
    return View(
        now=now,
        incident=incident,
        settings=outside.settings,
        agents=tuple(agents),
        statements=statements,
        vote_envelopes=_votes(incident, agents),
        earlier_votes=earlier,
        cited=await _cited(outside.cluster, incident, agents) if phase is Phase.VOTING else {},
        outside=await _outside(outside.cluster, incident, statements, obj),
        proposal_envelope=_proposal_envelope(incident, statements),
        invalid=tuple(invalid),
        policy=await read_policy(outside.cluster, incident, obj),
        target=state,
        stale=stale,
        observation=await _observe(outside, incident, statements),
        undo_seen=await _undo_seen(outside.cluster, incident) if phase is Phase.ROLLING_BACK else None,
    )


async def read_agents(cluster: Cluster) -> list[Agent]:
    """The Agents that can be understood; the executor checks membership again, so none is lost silently."""
    agents = []
    for obj in await cluster.list(kinds.AGENT):
        try:
            agents.append(Agent.model_validate(obj))
        except ValidationError:
            continue
    return agents


async def read_policy(cluster: Cluster, incident: Incident, target: Object | None) -> RemediationPolicy | None:
    """The policy that rules the target; an unreadable one counts as Observe for everything (None)."""
    try:
        policies = [RemediationPolicy.model_validate(p) for p in await cluster.list(kinds.REMEDIATION_POLICY)]
    except ValidationError:
        return None
    ref = incident.spec.target_ref
    if ref is None:
        return None
    return select_policy(
        policies,
        namespace=ref.namespace or "",
        labels=((target or {}).get("metadata", {}).get("labels") or {}),
        severity=incident.spec.severity,
        target_kind=ref.kind,
    )


def _open(
    incident: Incident, agents: Sequence[Agent], now: datetime
) -> tuple[dict[str, Statement], list[tuple[str, str, str]]]:
    statements: dict[str, Statement] = {}
    invalid: list[tuple[str, str, str]] = []
    for agent in agents:
        name = agent.metadata.name
        text = incident.metadata.annotations.get(statement_annotation(name))
        if text is None:
            continue
        try:
            statement = open_envelope(text, agents, now=now)
            if statement.agent != name:
                raise InvalidStatement("WrongAgent", f"a statement of {statement.agent} stands in its annotation")
            if statement.incident_uid != incident.metadata.uid:
                raise InvalidStatement("ForeignIncident", f"it is about Incident {statement.incident}")
        except InvalidStatement as error:
            invalid.append((name, error.reason, str(error)))
            continue
        statements[name] = statement
    return statements, invalid


def _votes(incident: Incident, agents: Iterable[Agent]) -> dict[str, str]:
    found = ((a.metadata.name, incident.metadata.annotations.get(vote_annotation(a.metadata.name))) for a in agents)
    return {name: text for name, text in found if text is not None}


async def _target(cluster: Cluster, ref: TargetRef | None) -> tuple[Object | None, TargetState]:
    if ref is None:
        return None, TargetState.NONE
    kind = kinds.kind_of(ref.api_version, ref.kind)
    if kind is None:
        return None, TargetState.UNKNOWN
    try:
        obj = await cluster.get(kind, ref.namespace if kind.namespaced else None, ref.name)
    except NotFound:
        # Without a pinned UID it may never have existed: that is for the diagnosis to say.
        return None, TargetState.MISSING if ref.uid else TargetState.UNKNOWN
    replaced = bool(ref.uid) and obj.get("metadata", {}).get("uid") != ref.uid
    return obj, TargetState.REPLACED if replaced else TargetState.PRESENT


async def _acted_on(cluster: Cluster, incident: Incident, state: TargetState) -> tuple[TargetState, str]:
    """Whether what the plan changes is gone, or has changed: the plan pins UIDs and generations.

    The Incident may only name its target.
    """
    plan = incident.status.plan
    refs = {str(step.target): step.target for step in plan.steps} if plan is not None else {}
    stale = ""
    for ref in refs.values():
        try:
            obj, found = await _target(cluster, ref)
        except Forbidden:
            continue
        if found in (TargetState.MISSING, TargetState.REPLACED):
            return found, ""
        generation = (obj or {}).get("metadata", {}).get("generation")
        if obj is not None and ref.generation is not None and generation != ref.generation:
            stale = stale or f"{ref} changed since it was planned: generation {ref.generation} → {generation}"
    return state, stale


async def _observe(outside: Outside, incident: Incident, statements: Mapping[str, Statement]) -> Observation | None:
    """Measured while verifying, and before acting when the symptom may be gone by itself."""
    status, target = incident.status, incident.spec.target_ref
    if status.phase is Phase.VERIFYING and status.plan is not None and status.verification is not None:
        since = status.verification.started_at
        plan = status.plan.verification
        attempts = status.execution.attempts
        attempt = attempts[-1] if attempts else None
        return await observe(outside.cluster, outside.metrics, outside.clock, incident, plan, target, since, attempt)
    resolved = _all_resolved(incident)
    bodies = (s.body for s in statements.values())
    gone = any(isinstance(b, Assessment) and b.state is AlertState.GONE for b in bodies)
    if (resolved or gone) and status.phase in (
        Phase.DIAGNOSING,
        Phase.PLANNING,
        Phase.VOTING,
        Phase.AWAITING_APPROVAL,
        Phase.ESCALATED,
    ):
        plan = VerificationPlan(alert_resolved=False)
        return await observe(outside.cluster, None, outside.clock, incident, plan, target, None)
    return None


def _all_resolved(incident: Incident) -> bool:
    alerts = incident.spec.alerts
    return bool(alerts) and all(alert.status is AlertStatus.RESOLVED for alert in alerts)


async def _undo_seen(cluster: Cluster, incident: Incident) -> bool | None:
    """Whether the objects show the pre-image again. Gone objects cannot show a change either."""
    attempts = incident.status.execution.attempts
    if not attempts:
        return None
    for step in attempts[-1].steps:
        if not step.undo_operations:
            continue
        try:
            if is_undone(step, await look(cluster, shows(step))) is None:
                return False
        except (ClusterError, Refusal):
            return None
    return True


def _proposal_envelope(incident: Incident, statements: Mapping[str, Statement]) -> str:
    name = next((n for n, s in statements.items() if isinstance(s.body, Proposal)), None)
    return incident.metadata.annotations.get(statement_annotation(name), "") if name is not None else ""


async def _outside(
    cluster: Cluster, incident: Incident, statements: Mapping[str, Statement], target: Object | None
) -> tuple[str, ...]:
    """How the first proposed plan differs from what the catalogue yields, when nothing changed in between."""
    if incident.status.phase not in (Phase.DIAGNOSING, Phase.PLANNING):
        return ()
    proposal = next((s.body for s in statements.values() if isinstance(s.body, Proposal)), None)
    if proposal is None or not proposal.plans or proposal.serial != incident.status.planning_serial:
        return ()
    bounds = bounds_of(await read_policy(cluster, incident, target))
    found = []
    for step in proposal.plans[0].steps:
        try:
            confirm_step(proposal.plans[0], step, await read_situation(cluster, step.target), bounds)
        except NotFound:
            continue
        except Refusal as refusal:
            if refusal.reason == "OutsideCatalogue":
                found.append(str(refusal))
    return tuple(found)


async def _cited(cluster: Cluster, incident: Incident, agents: Sequence[Agent]) -> dict[str, Object]:
    """The objects that the votes cite with a resourceVersion; those that are gone prove nothing."""
    references: set[str] = set()
    for text in _votes(incident, agents).values():
        try:
            body = read_unverified(text).body
        except InvalidStatement:
            continue
        if isinstance(body, Vote):
            references |= {c.ref for c in body.evidence if c.kind is CitationKind.OBJECT and c.resource_version}
    objects: dict[str, Object] = {}
    for reference in sorted(references)[:CITED_BOUND]:
        parts = reference.split("/")
        kind = kinds.kind_named(parts[0])
        if kind is None or kind is kinds.SECRET or len(parts) != (3 if kind.namespaced else 2):
            continue
        try:
            objects[reference] = await cluster.get(kind, parts[1] if kind.namespaced else None, parts[-1])
        except ClusterError:
            continue
    return objects
