"""From hypotheses and runbooks to candidate plans, best first, and why the others are none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from incident_commander.actions.action import Situation
from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.actions.drain_node import pods_to_evict
from incident_commander.actions.ownership import ownership_of
from incident_commander.api import kinds
from incident_commander.api.incident import Incident
from incident_commander.api.meta import TargetRef
from incident_commander.api.names import API_VERSION
from incident_commander.api.plan import ActionName, Plan, Risk, Step, VerificationPlan
from incident_commander.api.policy import GitOps, Mode, RemediationPolicy
from incident_commander.api.runbook import Runbook, RunbookStep
from incident_commander.api.statement import Hypothesis
from incident_commander.consensus.digest import with_digest
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import target_of
from incident_commander.planning import template
from incident_commander.planning.policy import bounds_of
from incident_commander.planning.preconditions import require

MAX_PLANS = 4
_RISKS = (Risk.LOW, Risk.MEDIUM, Risk.HIGH)

Situations = Mapping[str, Situation]
"""What was read, by ``str(TargetRef)``. An object that does not exist is absent."""


@dataclass(frozen=True, slots=True)
class Declined:
    """A runbook that matched and is no candidate; ``reason`` is a CamelCase constant."""

    runbook: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Candidates:
    """At most four plans, best first."""

    plans: tuple[Plan, ...]
    declined: tuple[Declined, ...]

    @property
    def message(self) -> str:
        """Why nothing fits, or what else was considered."""
        said = "; ".join(f"{d.runbook}: {d.reason} ({d.message})" for d in self.declined)
        if not self.plans and not said:
            return "no runbook matches any of the hypotheses"
        return said[:1024]


def _no_objection(plan: Plan) -> None:
    pass


def matching(
    incident: Incident, hypotheses: Sequence[Hypothesis], runbooks: Sequence[Runbook], tried: Collection[str]
) -> list[tuple[Hypothesis, Runbook]]:
    """Which runbook would mend which hypothesis: the most confident first, then by priority, then by name."""
    alerts = {alert.name for alert in incident.spec.alerts}
    pairs = [
        (hypothesis, runbook)
        for hypothesis in hypotheses
        for runbook in runbooks
        if runbook.metadata.name not in tried and _matches(incident, hypothesis, runbook, alerts)
    ]
    return sorted(pairs, key=lambda pair: (-pair[0].confidence, -pair[1].spec.priority, pair[1].metadata.name))


def targets(
    incident: Incident, hypotheses: Sequence[Hypothesis], runbooks: Sequence[Runbook], tried: Collection[str]
) -> list[TargetRef]:
    """The objects whose situation ``candidates`` will ask for."""
    found: dict[str, TargetRef] = {}
    for hypothesis, runbook in matching(incident, hypotheses, runbooks, tried):
        wanted = [object_of(incident, hypothesis), *(_ref(incident, hypothesis, s) for s in runbook.spec.steps)]
        found |= {str(ref): ref for ref in wanted if ref is not None}
    return list(found.values())


def moved(
    incident: Incident,
    hypotheses: Sequence[Hypothesis],
    runbooks: Sequence[Runbook],
    tried: Collection[str],
    situations: Situations,
) -> list[TargetRef]:
    """The pods that drains among the candidates would move, known once their nodes have been read."""
    found: dict[str, TargetRef] = {}
    for hypothesis, runbook in matching(incident, hypotheses, runbooks, tried):
        nodes = [_ref(incident, hypothesis, s) for s in runbook.spec.steps if s.action is ActionName.DRAIN_NODE]
        for node in (situations.get(str(ref)) for ref in nodes):
            try:
                found |= {str(target_of(pod)): target_of(pod) for pod in pods_to_evict(node)} if node else {}
            except Refusal:
                continue  # the plan tells why
    return list(found.values())


def candidates(
    *,
    incident: Incident,
    hypotheses: Sequence[Hypothesis],
    runbooks: Sequence[Runbook],
    situations: Situations,
    policy: RemediationPolicy | None,
    now: datetime,
    tried: Collection[str],
    check: Callable[[Plan], None] = _no_objection,
) -> Candidates:
    """Plans issued at ``now``, bounded by the policy. ``tried`` are names of runbooks that had their chance.

    ``check`` raises ``Refusal`` for a plan that would never be carried out: the next runbook is taken.

    Ranked by confidence of the hypothesis, then priority of the runbook, then lower risk. One plan per runbook,
    and one that only escalates at most: people need not be asked twice.
    """
    plans: list[tuple[Hypothesis, Runbook, Plan]] = []
    declined: list[Declined] = []
    for hypothesis, runbook in matching(incident, hypotheses, runbooks, tried):
        name = runbook.metadata.name
        if any(done.metadata.name == name for _, done, _ in plans):
            continue
        try:
            plan = _plan(incident, hypothesis, runbook, situations, policy, now)
            check(plan)
        except Refusal as refusal:
            declined.append(Declined(name, refusal.reason, str(refusal)))
            continue
        plans.append((hypothesis, runbook, plan))
    plans.sort(key=lambda p: (-p[0].confidence, -p[1].spec.priority, _RISKS.index(p[2].risk), p[2].runbook))
    chosen: list[Plan] = []
    for _, _, plan in plans:
        if not (_only_escalates(plan) and any(map(_only_escalates, chosen))):
            chosen.append(plan)
    return Candidates(tuple(chosen[:MAX_PLANS]), tuple(declined))


def object_of(incident: Incident, hypothesis: Hypothesis) -> TargetRef | None:
    """What the hypothesis is about: the object it names, else the Incident's target."""
    return hypothesis.object or incident.spec.target_ref


def merge_verification(plan: VerificationPlan, policy: RemediationPolicy | None) -> VerificationPlan:
    """The runbook's verification with the policy's overrides and its PromQL checks added."""
    if policy is None:
        return plan
    wanted = policy.spec.verification
    overrides = {
        "window_seconds": wanted.window_seconds,
        "settle_seconds": wanted.settle_seconds,
        "poll_seconds": wanted.poll_seconds,
    }
    update: dict[str, object] = {name: value for name, value in overrides.items() if value is not None}
    # The policy's checks first: they must not be crowded out.
    update["promql"] = [*wanted.promql, *plan.promql][:8]
    return plan.model_copy(update=update)


def _matches(incident: Incident, hypothesis: Hypothesis, runbook: Runbook, alerts: Collection[str]) -> bool:
    match, about = runbook.spec.match, object_of(incident, hypothesis)
    if hypothesis.cause not in match.causes or hypothesis.confidence < match.min_confidence:
        return False
    if match.alerts and not set(match.alerts) & set(alerts):
        return False
    return not match.kinds or (about is not None and about.kind in match.kinds)


def _plan(
    incident: Incident,
    hypothesis: Hypothesis,
    runbook: Runbook,
    situations: Situations,
    policy: RemediationPolicy | None,
    now: datetime,
) -> Plan:
    about = object_of(incident, hypothesis)
    for precondition in runbook.spec.preconditions:
        require(precondition, hypothesis, _situation(situations, about))
    values = template.values_of(incident, hypothesis)
    steps = []
    for wanted in runbook.spec.steps:
        _allow(policy, wanted.action)
        steps.append(_step(incident, hypothesis, wanted, values, situations, policy, now))
        if steps[-1].action is ActionName.DRAIN_NODE:
            _allow(policy, ActionName.EVICT_POD)
            steps += _evictions(_situation(situations, steps[-1].target), situations, policy, now)
    proposal = _proposal(steps, situations)
    return with_digest(
        Plan(
            incident_uid=incident.metadata.uid,
            issued_at=now,
            runbook=runbook.metadata.name,
            cause=hypothesis.cause,
            object=about or incident_ref(incident),
            steps=steps,
            verification=merge_verification(runbook.spec.verification, policy),
            risk=max((s.risk for s in steps), key=_RISKS.index),
            proposal_only=bool(proposal),
            proposal_reason=proposal[:1024],
            summary=_summary(hypothesis, steps),
        )
    )


def _step(
    incident: Incident,
    hypothesis: Hypothesis,
    wanted: RunbookStep,
    values: Mapping[str, str],
    situations: Situations,
    policy: RemediationPolicy | None,
    now: datetime,
) -> Step:
    escalate = wanted.action is ActionName.ESCALATE
    expand = template.expand_for_people if escalate else template.expand
    parameters = {name: expand(text, values) for name, text in wanted.parameters.items()}
    ref = _ref(incident, hypothesis, wanted)
    if escalate:
        # People are asked even when there is nothing (any more) to point at.
        situation = situations.get(str(ref)) or Situation(target=_as_object(incident))
    else:
        situation = _situation(situations, ref)
    name = wanted.action
    if name not in (ActionName.ESCALATE, ActionName.GITOPS_PROPOSAL) and _reverted(situation, policy):
        name, parameters = ActionName.GITOPS_PROPOSAL, {"action": name.value, **parameters}
    return CATALOGUE[name].plan(situation, parameters, bounds=bounds_of(policy), issued_at=now, step_name=wanted.name)


def _evictions(
    node: Situation, situations: Situations, policy: RemediationPolicy | None, now: datetime
) -> Sequence[Step]:
    """One step for each pod that a drain moves: each is judged by itself, and is carried out or not."""
    evict, bounds = CATALOGUE[ActionName.EVICT_POD], bounds_of(policy)
    found = []
    for pod in pods_to_evict(node):
        situation = _situation(situations, target_of(pod))
        name = f"evict {fields.namespace(pod)}/{fields.name(pod)}"
        found.append(evict.plan(situation, {}, bounds=bounds, issued_at=now, step_name=name))
    return found


def _ref(incident: Incident, hypothesis: Hypothesis, step: RunbookStep) -> TargetRef | None:
    if step.on == "Target":
        return incident.spec.target_ref
    about = object_of(incident, hypothesis)
    if step.on == "Object":
        return about
    pod = hypothesis.facts.get("pod")
    if pod is None or about is None:
        return None
    return TargetRef(api_version=kinds.POD.api_version, kind="Pod", namespace=about.namespace, name=pod)


def _situation(situations: Situations, ref: TargetRef | None) -> Situation:
    if ref is None:
        raise Refusal("NoTarget", "the diagnosis names no object to act on")
    found = situations.get(str(ref))
    if found is None:
        raise Refusal("TargetNotFound", f"{ref} does not exist, or could not be read")
    return found


def _allow(policy: RemediationPolicy | None, action: ActionName) -> None:
    """What the policy would never let through is no candidate where plans are carried out."""
    if policy is None or policy.spec.mode is Mode.OBSERVE or action is ActionName.ESCALATE:
        return
    if action not in policy.spec.actions:
        raise Refusal("ActionNotAllowed", f"RemediationPolicy {policy.metadata.name} does not allow {action}")


def _reverted(situation: Situation, policy: RemediationPolicy | None) -> bool:
    """Whether a patch would be taken back behind our back, so that it is only proposed."""
    patch = policy is not None and policy.spec.git_ops is GitOps.PATCH
    return not patch and ownership_of(situation.target).reverts


def _proposal(steps: Sequence[Step], situations: Situations) -> str:
    """Why the plan is for people only, or the empty string."""
    for step in steps:
        if step.action is ActionName.GITOPS_PROPOSAL:
            owner = ownership_of(_situation(situations, step.target).target)
            return f"{step.target} is kept by {owner}, which would revert a patch: make the change there"
    return ""


def _summary(hypothesis: Hypothesis, steps: Sequence[Step]) -> str:
    return f"{hypothesis.summary} → " + "; ".join(s.summary for s in steps)


def _only_escalates(plan: Plan) -> bool:
    return all(step.action is ActionName.ESCALATE for step in plan.steps)


def incident_ref(incident: Incident) -> TargetRef:
    """The Incident as an object: what an escalation without any other object is about."""
    meta = incident.metadata
    return TargetRef(
        api_version=API_VERSION, kind="Incident", namespace=meta.namespace, name=meta.name, uid=meta.uid or None
    )


def _as_object(incident: Incident) -> dict[str, object]:
    meta = incident.metadata
    return {
        "apiVersion": API_VERSION,
        "kind": "Incident",
        "metadata": {"namespace": meta.namespace, "name": meta.name, "uid": meta.uid},
    }
