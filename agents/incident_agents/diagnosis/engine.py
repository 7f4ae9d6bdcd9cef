"""From evidence to a diagnosis: every analyser, then the ranking, then what is honest to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from incident_agents.diagnosis.analysers import ALL
from incident_agents.diagnosis.calls import above, calls
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.health import health
from incident_agents.diagnosis.ranking import BAR, rank
from incident_agents.diagnosis.telling import loudest
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Incident
from incident_commander.api.statement import Citation, Diagnosis, Hypothesis
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.gaps import shortened
from incident_commander.evidence.health import WorkloadHealth
from incident_commander.evidence.trim import event_time, sound

_MAX_HYPOTHESES, _MAX_CITATIONS, _MAX_FACTS, _MAX_GAPS = 8, 12, 16, 16


def diagnose(evidence: Evidence, incident: Incident | None, now: datetime) -> Diagnosis:
    """Ranked hypotheses, the best first; ``Unknown`` is one of them when none is confident.

    ``incident`` None: nobody called; the alerts of the evidence stand for those of an Incident.

    Pure. Never raises for what stands in the evidence, whatever its shape.
    """
    case = _case(evidence, incident, now)
    state = health(case)
    ranked = _ranked(case)
    confident = [f for f in ranked if f.confidence >= BAR]
    if not confident and evidence.target is not None and state is not None and state.healthy:
        ranked = []
    hypotheses = [_hypothesis(f) for f in ranked[:_MAX_HYPOTHESES]]
    if not confident:
        unknown = _unknown(case, state, bool(ranked))
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


def _unknown(case: Case, state: WorkloadHealth | None, suspicions: bool) -> Hypothesis:
    if not case.evidence.asked(kinds.POD):
        confidence, said = _UNSEEN, "no pods were read, so neither health nor a cause can be told"
    elif state is None:
        confidence, said = _UNSEEN, "no target is known, and nothing in the namespace is clearly wrong"
    elif state.healthy:
        confidence, said = _NOTHING_WRONG, f"healthy: {state.message}"
    elif state.healthy is None:
        confidence, said = _UNSEEN, f"its health cannot be told: {state.message}"
    else:
        confidence, said = _SICK, f"not healthy ({state.message}), and the evidence names no cause"
    if suspicions and not (case.evidence.target is not None and state is not None and state.healthy):
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
