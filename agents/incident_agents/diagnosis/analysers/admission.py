"""The API server refuses the pods of a workload: no account, Pod Security, a policy, a webhook, a namespace that goes.

Quotas have their own analyser. What was refused once and exists by now is start-up noise: roll-outs create accounts
and Deployments together, and the controller tries again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.refusals import Refusal, never_made, refusals
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.lines import clean_line

_ACCOUNT = re.compile(r'service ?account "?(?P<name>[a-z0-9][-a-z0-9./]{0,252})"? not found', re.IGNORECASE)
_POD_SECURITY = re.compile(r'violates PodSecurity "(?P<policy>[^"]{1,100})": (?P<what>[^\n]*)')
_WEBHOOK = re.compile(r'(?:admission webhook|failed calling webhook) "(?P<name>[^"]{1,253})"(?P<what>[^\n]*)')
_POLICY = re.compile(r"ValidatingAdmissionPolicy '(?P<name>[^']{1,253})'(?P<what>[^\n]*)")
_LIMIT_RANGE = re.compile(r"(?:maximum|minimum) [a-z./-]+ usage per (?:Container|Pod|PersistentVolumeClaim) is [^\n]*")
_TERMINATING = re.compile(r"because it is being terminated|namespace [^\n]{1,260} is being terminated")
_SECURITY_CONTEXT = re.compile(r"unable to validate against any (?:security context constraint|pod security policy)")
_OVERHEAD = re.compile(r'(?:RuntimeClass|PriorityClass) (?:with name )?"?(?P<name>[^"\s]{1,253})"? (?:was )?not found')


@dataclass(frozen=True, slots=True)
class _Reason:
    cause: Cause
    confidence: int
    words: str
    facts: dict[str, str] = field(default_factory=dict)


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload whose pods are refused for another reason than a quota."""
    for workload in case.workloads:
        heard = list(refusals(case, workload))
        for refusal in heard:
            reason = _reason(case, workload, refusal)
            if reason is not None:
                yield _finding(case, workload, [refusal.citation], reason)
                break
        if not any(r.message for r in heard) and never_made(workload):
            named = fields.text(workload.object, "spec", "template", "spec", "serviceAccountName")
            if named not in ("", "default") and (sure := _account(case, workload, named)) > _UNSEEN_ACCOUNT:
                yield _finding(case, workload, [], _without_account(named, sure - 6))


def _finding(case: Case, workload: Workload, said: list[Citation], reason: _Reason) -> Finding:
    evidence = list(said)
    if reason.cause is Cause.SERVICE_ACCOUNT_MISSING and workload.kind != "Pod":
        evidence.append(citing.of_object(workload.object, "spec.template.spec.serviceAccountName"))
    if workload.kind == "Deployment":
        evidence.append(citing.of_object(workload.object, "status.readyReplicas"))
    creators = {reference(o) for o in case.topology.under(workload.object, kinds.REPLICA_SET)}
    found = of_workload(
        reason.cause,
        workload,
        [],
        "",
        confidence=reason.confidence,
        summary=f"the API server refuses pods of {workload.ref}: {reason.words}",
        evidence=evidence,
        facts=reason.facts,
    )
    return Finding(
        found.cause,
        found.object,
        found.confidence,
        found.summary,
        found.evidence,
        found.facts,
        found.about | creators,
    )


def _reason(case: Case, workload: Workload, refusal: Refusal) -> _Reason | None:
    said = clean_line(refusal.message)
    if (account := _ACCOUNT.search(said)) is not None:
        name = account["name"].rsplit("/", 1)[-1]
        confidence = _account(case, workload, name)
        if not confidence:
            return None
        return _without_account(name, confidence)
    if (security := _POD_SECURITY.search(said)) is not None:
        facts = {"policy": security["policy"], "violation": security["what"]}
        return _Reason(Cause.POD_SECURITY_REFUSED, 92, f"{security['policy']}: {security['what']}"[:400], facts)
    if _SECURITY_CONTEXT.search(said):
        return _Reason(Cause.POD_SECURITY_REFUSED, 90, said[:400], {"policy": "SecurityContextConstraints"})
    if _TERMINATING.search(said):
        return _Reason(Cause.NAMESPACE_TERMINATING, 92, "its namespace is being deleted")
    for pattern in (_WEBHOOK, _POLICY):
        if (match := pattern.search(said)) is not None:
            facts = {"webhook": match["name"], "reason": match["what"].strip(" :")}
            return _Reason(Cause.ADMISSION_REFUSED, 90, f"{match['name']}{match['what']}"[:400], facts)
    if (limit := _LIMIT_RANGE.search(said)) is not None:
        return _Reason(Cause.ADMISSION_REFUSED, 90, limit[0][:400], {"reason": limit[0]})
    if (missing := _OVERHEAD.search(said)) is not None:
        return _Reason(Cause.ADMISSION_REFUSED, 88, missing[0], {"reason": missing[0]})
    if "quota" in said:
        return None
    if "is forbidden" in said or "is invalid" in said or "denied the request" in said:
        return _Reason(Cause.ADMISSION_REFUSED, 70, said[:400], {"reason": said[:256]})
    return None


def _without_account(name: str, confidence: int) -> _Reason:
    words = f"its ServiceAccount {name} does not exist"
    return _Reason(Cause.SERVICE_ACCOUNT_MISSING, confidence, words, {"serviceAccount": name})


_UNSEEN_ACCOUNT = 86
"""Nobody could say whether the account exists."""


def _account(case: Case, workload: Workload, name: str) -> int:
    """How sure: checked against the accounts themselves, and against what the newest template names. 0: not so."""
    asked = case.evidence.asked(kinds.SERVICE_ACCOUNT)
    if asked and case.find(kinds.SERVICE_ACCOUNT, fields.namespace(workload.object), name) is not None:
        return 0
    named = fields.text(workload.object, "spec", "template", "spec", "serviceAccountName")
    if named and named != name:
        return 0  # an older revision asked for it
    return 94 if asked else _UNSEEN_ACCOUNT
