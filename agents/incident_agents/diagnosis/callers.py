"""Who talks to which Service: by what logs complain about, and by what the environment names."""

from __future__ import annotations

from incident_agents.diagnosis.addresses import Address, is_ip
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.settings import settings
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference
from incident_commander.ports import Object


def complaints(case: Case, service: Object) -> list[tuple[Workload, Citation, int | None]]:
    """Who complains about a Service (other than the pods behind it): the caller, its words, the port it asked."""
    return [
        (
            workload,
            citing.of_log(complaint.log, complaint.line),
            None if is_ip(complaint.address.host) else complaint.address.port,
        )
        for workload, complaint in case.complaints_about.get(reference(service), ())
    ]


def configured(case: Case, workload: Workload) -> dict[str, Address]:
    """Services that the configuration of a workload names, by the Service's name."""
    namespace = fields.namespace(workload.object)
    found: dict[str, Address] = {}
    for setting in settings(case, workload):
        service = case.service_at(setting.address, namespace)
        if service is not None:
            found.setdefault(fields.name(service), setting.address)
    return found
