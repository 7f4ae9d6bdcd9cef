"""From evidence to a diagnosis: every analyser, then the ranking, then what is honest to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from incident_agents.diagnosis.alerted import alerted
from incident_agents.diagnosis.analysers import ALL
from incident_agents.diagnosis.answering import answering
from incident_agents.diagnosis.calls import above, calls
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.health import health
from incident_agents.diagnosis.ranking import BAR, ELSEWHERE, rank
from incident_agents.diagnosis.telling import loudest
from incident_agents.diagnosis.verdict import CONFIDENCE, Verdict, without_cause
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Incident
from incident_commander.api.statement import Citation, Diagnosis, Hypothesis
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Evidence
from incident_commander.evidence.gaps import shortened
from incident_commander.evidence.trim import event_time, sound

_MAX_HYPOTHESES, _MAX_CITATIONS, _MAX_FACTS, _MAX_GAPS = 8, 12, 16, 16


@dataclass(frozen=True, slots=True)
class Workup:
    """A diagnosis with what a report tells besides.

    ``found`` has the findings of each analyser (by its file's name) before ranking. ``effects`` has for each hypothesis
    of the diagnosis the places of those among them that it explains, at any distance.
    """

    case: Case
    found: Mapping[str, Sequence[Finding]]
    verdict: Verdict
    diagnosis: Diagnosis
    effects: Sequence[frozenset[int]]


def diagnose(evidence: Evidence, incident: Incident | None, now: datetime) -> Diagnosis:
    """Ranked hypotheses, the best first; ``Unknown`` is one of them when none is confident, and first when all is well.

    ``incident`` None: nobody called; the alerts of the evidence stand for those of an Incident.

    Pure. Never raises for what stands in the evidence, whatever its shape.
    """
    return work_up(evidence, incident, now).diagnosis


def work_up(evidence: Evidence, incident: Incident | None, now: datetime) -> Workup:
    """The same, with the verdict and how it came about."""
    case = _case(evidence, incident, now)
    found = _found(case)
    ranked = _ranked(case, found)
    verdict, unknown = Verdict.CAUSE_FOUND, []
    if not any(f.confidence >= BAR for f in ranked):
        verdict, said = without_cause(case, health(case))
        if verdict is Verdict.HEALTHY:
            ranked = [f for f in ranked if f.confidence > ELSEWHERE]
        unknown = [_unknown(case, verdict, said, bool(ranked))]
    kept = ranked[: _MAX_HYPOTHESES - len(unknown)]
    hypotheses: list[tuple[Hypothesis, Finding | None]] = [(_hypothesis(f), f) for f in kept]
    hypotheses += [(one, None) for one in unknown]
    hypotheses.sort(key=lambda pair: (verdict is Verdict.HEALTHY and pair[1] is not None, -pair[0].confidence))
    findings = [finding for _, finding in hypotheses]
    gaps = [citing.spoken(shortened(gap), 1000) for gap in evidence.gaps[:_MAX_GAPS]]
    diagnosis = Diagnosis(hypotheses=[hypothesis for hypothesis, _ in hypotheses], gaps=gaps)
    return Workup(case, found, verdict, diagnosis, [_explained(f, findings) for f in findings])


def _explained(cause: Finding | None, findings: Sequence[Finding | None]) -> frozenset[int]:
    if cause is None:
        return frozenset()
    return frozenset(n for n, f in enumerate(findings) if f is not None and cause.key in f.explained_by)


def weigh(evidence: Evidence, incident: Incident | None, now: datetime) -> list[Finding]:
    """Every finding after ranking, the best first, each with the ``reasons`` of its confidence in words."""
    case = _case(evidence, incident, now)
    return _ranked(case, _found(case))


def _case(evidence: Evidence, incident: Incident | None, now: datetime) -> Case:
    readable = {resource: tuple(o for o in objects if sound(o)) for resource, objects in evidence.objects.items()}
    return Case(replace(evidence, objects=readable), incident, now, answering)


def _found(case: Case) -> dict[str, list[Finding]]:
    return {analyse.__module__.rsplit(".", 1)[-1]: list(analyse(case)) for analyse in ALL}


def _ranked(case: Case, found: Mapping[str, Sequence[Finding]]) -> list[Finding]:
    findings = [f for of_one in found.values() for f in of_one]
    known = calls(case) if len(findings) > 1 else {}
    callers = {ref: above(known, ref) for ref in {ref for f in findings for ref in f.about} & known.keys()}
    return rank(findings, case.target_refs, case.near_refs, callers)


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


def _unknown(case: Case, verdict: Verdict, said: str, suspicions: bool) -> Hypothesis:
    target = case.evidence.target
    name = str(target) if target is not None else "everything that was looked at"
    well = "healthy: " if verdict is Verdict.HEALTHY else ""
    tail = "; the other hypotheses are suspicions" if suspicions else ""
    return Hypothesis(
        cause=Cause.UNKNOWN,
        object=target,
        confidence=CONFIDENCE[verdict],
        summary=citing.spoken(f"{name}: {well}{said}{tail}", 1024),
        evidence=[*(citing.of_alert(alert) for alert, _ in alerted(case)[:3]), *_loudest(case)],
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
