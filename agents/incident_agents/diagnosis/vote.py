"""Diagnosis' vote: does the plan act on the top cause, not on a symptom? Judged from fresh evidence."""

from __future__ import annotations

import enum

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.api.meta import TargetRef
from incident_commander.api.plan import ActionName, Plan, Step
from incident_commander.api.statement import Citation, Decision, Diagnosis, Hypothesis

EQUAL = 5
"""Hypotheses that are this close to the top one are as good as it."""

Ballot = tuple[Decision, "Why", str, list[Citation]]
"""Decision, reason, message, citations."""


class Why(enum.StrEnum):
    """Reasons of this agent's votes."""

    ASKS_PEOPLE = "AsksPeople"
    CAUSE_UNKNOWN = "CauseUnknown"
    TARGET_GONE = "TargetGone"
    OBJECT_REPLACED = "ObjectReplaced"
    ACTS_ELSEWHERE = "ActsElsewhere"
    ACTS_ON_TOP_CAUSE = "ActsOnTopCause"
    ACTS_ON_SYMPTOM = "ActsOnSymptom"
    CAUSE_NOT_SUPPORTED = "CauseNotSupported"


def vote(plan: Plan, diagnosis: Diagnosis) -> Ballot:
    """The vote on a plan, given a diagnosis of evidence gathered just now.

    Asking people is always approved. Without a confident cause it abstains: not knowing is no objection.
    """
    if all(step.action is ActionName.ESCALATE for step in plan.steps):
        return Decision.APPROVE, Why.ASKS_PEOPLE, "asking people harms nothing", []
    top = diagnosis.hypotheses[0] if diagnosis.hypotheses else None
    if top is None or top.cause is Cause.UNKNOWN or top.confidence < BAR:
        said = top.summary if top is not None else "no hypothesis"
        return Decision.ABSTAIN, Why.CAUSE_UNKNOWN, f"no confident cause now: {said}"[:1024], []
    if top.cause is Cause.TARGET_GONE:
        return Decision.REJECT, Why.TARGET_GONE, top.summary, _cited(top)
    held = next((h for h in diagnosis.hypotheses if h.cause is plan.cause and _same(h.object, plan.object)), None)
    if held is None:
        return _unsupported(plan, top, diagnosis)
    if held.object is not None and _replaced(held.object, plan.object):
        message = f"{plan.object} was replaced since: UID {held.object.uid}, the plan is for {plan.object.uid}"
        return Decision.REJECT, Why.OBJECT_REPLACED, message[:1024], _cited(held)
    stray = next((s for s in plan.steps if not _reaches(s, held)), None)
    if stray is not None:
        message = f"step {stray.name} acts on {stray.target}, but {held.cause} is about {held.object}"
        return Decision.REJECT, Why.ACTS_ELSEWHERE, message[:1024], _cited(held)
    if held is top or (held.confidence >= BAR and held.confidence >= top.confidence - EQUAL):
        message = f"{held.cause} ({held.confidence}) is the top cause: {held.summary}"
        return Decision.APPROVE, Why.ACTS_ON_TOP_CAUSE, message[:1024], _cited(held)
    message = f"{held.cause} ({held.confidence}) comes after {top.cause} ({top.confidence}): {top.summary}"
    return Decision.REJECT, Why.ACTS_ON_SYMPTOM, message[:1024], _cited(top)


def _unsupported(plan: Plan, top: Hypothesis, diagnosis: Diagnosis) -> Ballot:
    elsewhere = next((h for h in diagnosis.hypotheses if h.cause is plan.cause and h.object is not None), None)
    if elsewhere is not None:
        message = f"the plan acts on {plan.object}, but {plan.cause} is about {elsewhere.object}"
        return Decision.REJECT, Why.ACTS_ELSEWHERE, message[:1024], _cited(elsewhere)
    message = f"nothing speaks for {plan.cause}; the top cause is {top.cause} ({top.confidence}): {top.summary}"
    return Decision.REJECT, Why.CAUSE_NOT_SUPPORTED, message[:1024], _cited(top)


def _reaches(step: Step, held: Hypothesis) -> bool:
    """Whether the step acts on the hypothesis' object, on its controller, or on the pod that shows the symptom."""
    if step.action is ActionName.ESCALATE:
        return True
    target = step.target
    if _same(held.object, target) or f"{target.kind}/{target.name}" == held.facts.get("controller"):
        return True
    named = {"Pod": "pod", "Node": "node", "HorizontalPodAutoscaler": "hpa", "Job": "job", "CronJob": "cronJob"}
    fact = named.get(target.kind)
    return fact is not None and held.facts.get(fact) == target.name


def _same(one: TargetRef | None, other: TargetRef) -> bool:
    return one is not None and (one.kind, one.namespace, one.name) == (other.kind, other.namespace, other.name)


def _replaced(now: TargetRef, planned: TargetRef) -> bool:
    return bool(now.uid and planned.uid and now.uid != planned.uid)


def _cited(hypothesis: Hypothesis) -> list[Citation]:
    return list(hypothesis.evidence[:6])
