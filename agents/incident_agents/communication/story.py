"""The account for people: verdict first, then why, then what happens next. Pure; the same facts give the same words."""

from __future__ import annotations

from collections.abc import Mapping

from incident_agents.agent import Case
from incident_agents.refusals import Objection
from incident_agents.rules import Rules
from incident_agents.wording import duration
from incident_commander.api.incident import AlertStatus, Incident
from incident_commander.api.names import GROUP
from incident_commander.api.plan import Plan, Step
from incident_commander.api.policy import Mode
from incident_commander.api.statement import Account, Citation, Severity
from incident_commander.evidence import fields
from incident_commander.ports import Object

_OWNER_KEYS = (f"{GROUP}/service-owner", "team", "owner", "squad")
"""Labels and annotations under which teams say whose a workload is."""


def account(case: Case, plan: Plan, rules: Rules, found: Objection | None, objects: Mapping[str, Object]) -> Account:
    """``objects``: the target (``target``) and its namespace (``namespace``), where they could be read."""
    after = "Next: the agents vote against it, and people decide." if found is not None else _next(plan, rules)
    parts = [_verdict(plan, rules, found), _why(case), _symptom(case), _outlook(case), _steps(plan), after]
    return Account(
        story="\n".join(part for part in parts if part)[:8192],
        audience=audience(case.incident, objects),
        approval_required=rules.mode is Mode.APPROVE,
        hold=found.message[:1024] if found is not None else "",
    )


def audience(incident: Incident, objects: Mapping[str, Object]) -> list[str]:
    """Who must know: the owners named on the alert, the target and its namespace; on-call when it is critical."""
    found = [alert.labels.get(key, "") for alert in incident.spec.alerts for key in _OWNER_KEYS]
    for obj in objects.values():
        marks = {**fields.strings(obj, "metadata", "annotations"), **fields.strings(obj, "metadata", "labels")}
        found += [marks.get(key, "") for key in _OWNER_KEYS]
    names = [name[:256] for name in dict.fromkeys(found) if name]
    return (["on-call"] if incident.spec.severity is Severity.CRITICAL else []) + names[:7]


def _verdict(plan: Plan, rules: Rules, found: Objection | None) -> str:
    what = plan.summary or "; ".join(step.summary or f"{step.action} {step.target}" for step in plan.steps)
    if rules.mode is Mode.OBSERVE:
        return f"Recommended: {what}"
    if found is not None:
        return f"Held back ({found.reason}): {what}\nIn the way: {found.message}"
    return f"{'Waiting for approval' if rules.mode is Mode.APPROVE else 'About to be done'}: {what}"


def _why(case: Case) -> str:
    diagnosis = case.diagnosis()
    if diagnosis is None or not diagnosis.hypotheses:
        return "Cause: no diagnosis could be read."
    best, *others = diagnosis.hypotheses
    lines = [f"Cause: {best.cause} ({best.confidence} %): {best.summary}"]
    lines += [f"  - {_cited(citation)}" for citation in best.evidence[:3]]
    if others:
        lines.append("Less likely: " + ", ".join(f"{h.cause} ({h.confidence} %)" for h in others[:3]))
    if diagnosis.gaps:
        lines.append(f"Not seen: {'; '.join(diagnosis.gaps[:3])}")
    return "\n".join(lines)


def _cited(citation: Citation) -> str:
    path = f" {citation.path}" if citation.path else ""
    return f"{citation.kind} {citation.ref}{path}: {citation.value}"[:300]


def _symptom(case: Case) -> str:
    said = case.assessment()
    if said is not None:
        return f"Symptom: {said.state} ({said.severity}): {said.message}"
    spec = case.incident.spec
    names = sorted({alert.name for alert in spec.alerts if alert.status is AlertStatus.FIRING and alert.name})
    return f"Symptom: Firing ({spec.severity}): {', '.join(names[:5])}" if names else ""


def _outlook(case: Case) -> str:
    said = case.forecast()
    if said is None:
        return ""
    return f"Outlook: {'not to be told: ' if said.abstained else ''}{said.message}"


def _steps(plan: Plan) -> str:
    lines = [f"Plan: runbook {plan.runbook}, risk {plan.risk}"]
    lines += [f"  {n}. {_step(step)}" for n, step in enumerate(plan.steps, 1)]
    return "\n".join(lines)


def _step(step: Step) -> str:
    undo = "can be undone" if step.undo.possible else f"cannot be undone ({step.undo.reason or 'nothing to restore'})"
    return f"{step.summary or f'{step.action} {step.target}'}; {undo}"


def _next(plan: Plan, rules: Rules) -> str:
    window = duration(plan.verification.window_seconds)
    if rules.mode is Mode.OBSERVE:
        return "Next: nothing is changed; a person may do it."
    measured = f"measured for {window}; if it does not help it is taken back"
    if rules.mode is Mode.APPROVE and rules.policy is not None:
        limit = duration(rules.policy.spec.approval.expires_after_seconds)
        return f"Next: a person decides within {limit}, otherwise nothing is done; then it is {measured}."
    return f"Next: done as soon as a quorum agrees, then {measured}."
