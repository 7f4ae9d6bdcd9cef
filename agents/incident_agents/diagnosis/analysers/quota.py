"""The API server refuses to create pods: a ResourceQuota is used up."""

from __future__ import annotations

import re
from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.refusals import refusals
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.ports import Object

_EXCEEDED = re.compile(
    r"exceeded quota: (?P<quota>[^,\s]{1,253}), requested: (?P<requested>[^\n]*?), used: (?P<used>[^\n]*?), "
    r"limited: (?P<limited>[^\n]*)"
)
_UNSPECIFIED = re.compile(r"failed quota: (?P<quota>[^:\s]{1,253}): must specify (?P<what>[^\n]*)")


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload whose pods a quota refuses."""
    for workload in case.workloads:
        for refusal in refusals(case, workload):
            found = _finding(case, workload, refusal.message, refusal.citation)
            if found is not None:
                yield found
                break


def _finding(case: Case, workload: Workload, message: str, citation: Citation) -> Finding | None:
    exceeded, unspecified = _EXCEEDED.search(message), _UNSPECIFIED.search(message)
    match = exceeded or unspecified
    if match is None:
        return None
    quota = case.find(kinds.RESOURCE_QUOTA, fields.namespace(workload.object), match["quota"])
    facts = {"quota": match["quota"]}
    if exceeded is not None:
        facts |= {
            "resource": ",".join(p.split("=", 1)[0] for p in exceeded["requested"].split(",")),
            "requested": exceeded["requested"],
            "used": exceeded["used"],
            "hard": exceeded["limited"],
        }
        summary = (
            f"quota {match['quota']} refuses pods of {workload.ref}: {exceeded['requested']} wanted, "
            f"{exceeded['used']} used of {exceeded['limited']}"
        )
    else:
        summary = f"quota {match['quota']} refuses pods of {workload.ref}: they must specify {match['what']}"
    found = of_workload(
        Cause.QUOTA_EXCEEDED,
        workload,
        [],
        "",
        confidence=90,
        summary=summary,
        evidence=[citation, *_of_quota(quota)],
        facts=facts,
    )
    if quota is None or exceeded is None:
        return found
    return Finding(
        found.cause,
        target_of(quota),
        found.confidence,
        found.summary,
        found.evidence,
        found.facts,
        found.about | {reference(quota)},
    )


def _of_quota(quota: Object | None) -> list[Citation]:
    if quota is None:
        return []
    return [citing.of_object(quota, "status.hard"), citing.of_object(quota, "status.used")]
