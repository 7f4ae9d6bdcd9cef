"""From evidence to a diagnosis: every analyser, then the ranking, then what is honest to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from incident_agents.diagnosis.analysers import ALL
from incident_agents.diagnosis.calls import above, calls
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.coverage import unseen_of_all, unseen_of_target
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.ranking import BAR, rank
from incident_agents.diagnosis.telling import loudest
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Incident
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Citation, Diagnosis, Hypothesis
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.gaps import shortened
from incident_commander.evidence.health import WorkloadHealth, workload_health
from incident_commander.evidence.trim import event_time, sound

_MAX_HYPOTHESES, _MAX_CITATIONS, _MAX_FACTS, _MAX_GAPS = 8, 12, 16, 16
_SETTLED = timedelta(minutes=10)
"""A container that ended within this time makes its workload not healthy."""


def diagnose(evidence: Evidence, incident: Incident | None, now: datetime) -> Diagnosis:
    """Ranked hypotheses, the best first; ``Unknown`` is one of them when none is confident.

    ``incident`` None: nobody called; the alerts of the evidence stand for those of an Incident.

    Pure. Never raises for what stands in the evidence, whatever its shape.
    """
    case = _case(evidence, incident, now)
    health = _health(case)
    ranked = _ranked(case)
    confident = [f for f in ranked if f.confidence >= BAR]
    if not confident and evidence.target is not None and health is not None and health.healthy:
        ranked = []
    hypotheses = [_hypothesis(f) for f in ranked[:_MAX_HYPOTHESES]]
    if not confident:
        unknown = _unknown(case, health, bool(ranked))
        hypotheses = sorted([*hypotheses[: _MAX_HYPOTHESES - 1], unknown], key=lambda h: -h.confidence)
    return Diagnosis(
        hypotheses=hypotheses, gaps=[citing.spoken(shortened(gap), 1000) for gap in evidence.gaps[:_MAX_GAPS]]
    )


def weigh(evidence: Evidence, incident: Incident | None, now: datetime) -> list[Finding]:
    """Every finding after ranking, the best first, each with the ``reasons`` of its confidence in words."""
    return _ranked(_case(evidence, incident, now))


def _case(evidence: Evidence, incident: Incident | None, now: datetime) -> Case:
    readable = {resource: tuple(o for o in objects if sound(o)) for resource, objects in evidence.objects.items()}
    return Case(replace(evidence, objects=readable), incident, now)


def _ranked(case: Case) -> list[Finding]:
    findings = [f for analyse in ALL for f in analyse(case)]
    known = calls(case) if len(findings) > 1 else {}
    callers = {ref: above(known, ref) for ref in {ref for f in findings for ref in f.about} & known.keys()}
    return rank(findings, case.target_refs, case.near_refs, callers)


def is_healthy(diagnosis: Diagnosis) -> bool:
    """Whether the diagnosis says that nothing is wrong with the target now."""
    top = diagnosis.hypotheses[0] if diagnosis.hypotheses else None
    return top is not None and top.cause is Cause.UNKNOWN and top.confidence == _NOTHING_WRONG


_NOTHING_WRONG, _SICK, _UNSEEN = 10, 45, 20
"""Confidence of ``Unknown``: the target is well; it is not, and no cause was found; it could not be seen."""


def _health(case: Case) -> WorkloadHealth | None:
    target = case.evidence.target
    if target is None:
        return _health_of_all(case)
    health = workload_health(target, case.evidence.objects, since=case.now - _SETTLED)
    if not health.healthy or target.kind not in _OF_PODS:
        return health
    missing = unseen_of_target(case)
    return replace(health, healthy=None, reason=_PARTIAL, message=missing) if missing else health


_OF_PODS = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"})
"""Whose health is that of their pods."""
_PARTIAL = "ReadInPart"


def _health_of_all(case: Case) -> WorkloadHealth | None:
    """Of everything that was asked about: healthy when each workload is; None when nothing could be judged."""
    if not case.evidence.asked(kinds.POD):
        return None
    since = case.now - _SETTLED
    place = case.evidence.namespace
    asked = [w for w in case.workloads if place is None or fields.namespace(w.object) == place]
    found = [workload_health(w.target, w.own, since=since) for w in asked]
    judged = [health for health in found if health.healthy is not None]
    if not judged:
        return None
    sick = [health for health in judged if not health.healthy]
    namespace = TargetRef(api_version="v1", kind="Namespace", name="all")
    if not sick:
        if missing := unseen_of_all(case, asked):
            message = f"{missing}; the {len(judged)} workloads that could be judged are as they should be"
            return WorkloadHealth(namespace, True, None, _PARTIAL, message)
        message = f"all {len(judged)} workloads are as they should be"
        return WorkloadHealth(namespace, True, True, "Healthy", message)
    message = f"{len(sick)} of {len(judged)} workloads are not: {sick[0].target}: {sick[0].message}"
    return WorkloadHealth(namespace, True, False, "Unhealthy", message)


def _hypothesis(finding: Finding) -> Hypothesis:
    citations = list(dict.fromkeys(finding.evidence))
    return Hypothesis(
        cause=finding.cause,
        object=finding.object,
        confidence=finding.confidence,
        summary=citing.spoken(finding.summary, 1024),
        evidence=citations[:_MAX_CITATIONS],
        facts={k: citing.spoken(v, 256) for k, v in list(finding.facts.items())[:_MAX_FACTS]},
    )


def _unknown(case: Case, health: WorkloadHealth | None, suspicions: bool) -> Hypothesis:
    if not case.evidence.asked(kinds.POD):
        confidence, said = _UNSEEN, "no pods were read, so neither health nor a cause can be told"
    elif health is None:
        confidence, said = _UNSEEN, "no target is known, and nothing in the namespace is clearly wrong"
    elif health.healthy:
        confidence, said = _NOTHING_WRONG, f"healthy: {health.message}"
    elif health.healthy is None:
        confidence, said = _UNSEEN, f"its health cannot be told: {health.message}"
    else:
        confidence, said = _SICK, f"not healthy ({health.message}), and the evidence names no cause"
    if suspicions and not (case.evidence.target is not None and health is not None and health.healthy):
        said += "; the other hypotheses are suspicions"
    target = case.evidence.target
    name = str(target) if target is not None else "everything that was looked at"
    return Hypothesis(
        cause=Cause.UNKNOWN,
        object=target,
        confidence=confidence,
        summary=citing.spoken(f"{name}: {said}", 1024),
        evidence=_loudest(case),
    )


def _loudest(case: Case) -> list[Citation]:
    """Conditions of the target and the newest warnings about it: where a person would go on."""
    found: list[Citation] = []
    if case.target is not None:
        conditions = fields.items(case.target, "status", "conditions")
        found += [
            citing.of_object(case.target, f"status.conditions[{n}].status") for n in range(min(3, len(conditions)))
        ]
    warnings = [e for e in case.evidence.of(kinds.EVENT) if e.get("type") == "Warning"]
    recent = [e for e in warnings if case.fresh(fields.parse_moment(event_time(e)))]
    for event in sorted(recent, key=event_time, reverse=True):
        about = fields.mapping(event, "involvedObject")
        ref = "/".join(p for p in (fields.text(about, k) for k in ("kind", "namespace", "name")) if p)
        if not case.target_refs or ref in case.target_refs:
            found.append(citing.of_event(event))
        if len(found) >= 6:
            break
    return found or loudest(case)
