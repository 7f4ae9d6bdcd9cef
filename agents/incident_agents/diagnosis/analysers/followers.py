"""A workload was given a follower of a store, which takes no writes, where the others were given its leader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from incident_agents.diagnosis import stores
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.said import said
from incident_agents.diagnosis.settings import Setting, settings
from incident_agents.diagnosis.store_words import READ_ONLY
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Log
from incident_commander.ports import Object


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload that cannot write, and whose Service of the store nobody else was given."""
    if not case.evidence.asked(kinds.SERVICE):
        return
    for workload in case.workloads:
        refused = next((lines[-1] for words in READ_ONLY if (lines := said(case, workload, words))), None)
        for setting in settings(case, workload) if refused is not None else ():
            service = case.service_at(setting.address, fields.namespace(workload.object))
            store = stores.behind_service(case, service) if service is not None else None
            if refused is not None and service is not None and store is not None and store is not workload:
                others = _given_to_others(case, workload, store)
                if others and fields.name(service) not in others:
                    yield _finding(case, workload, setting, service, others.most_common(1)[0][0], refused)
                    break


def _given_to_others(case: Case, workload: Workload, store: Workload) -> Counter[str]:
    """Names of the store's Services, by how many other workloads were given them."""
    return Counter(
        fields.name(service)
        for other in case.workloads
        if other is not workload and other is not store
        for setting in settings(case, other)
        if (service := case.service_at(setting.address, fields.namespace(other.object))) is not None
        and stores.behind_service(case, service) is store
    )


def _finding(
    case: Case, workload: Workload, setting: Setting, service: Object, better: str, refused: tuple[Log, str]
) -> Finding:
    name = fields.name(service)
    return of_workload(
        Cause.DEPENDENCY_ADDRESS_WRONG,
        workload,
        [p for p in workload.living if case.unwell(p)],
        "",
        confidence=90,
        summary=f"{workload.ref} is told to call {name}, which takes no writes; the others call {better}",
        evidence=[setting.citation, citing.of_log(*refused), citing.of_object(service, "spec.selector")],
        facts={
            "variable": setting.name,
            "address": setting.address.host,
            "expected": better,
            "problem": "Service",
            "protocol": stores.kind_of_service(case, service),
        },
    )
