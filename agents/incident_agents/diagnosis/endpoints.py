"""Addresses behind a Service, from EndpointSlices, or from Endpoints where only those were recorded."""

from __future__ import annotations

from incident_agents.diagnosis.case import Case
from incident_commander.api import kinds
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.health import ready_endpoints
from incident_commander.ports import Object


def ready(case: Case, service: Object) -> int | None:
    """How many ready addresses it has; None when neither was read."""
    if case.evidence.asked(kinds.ENDPOINT_SLICE):
        return ready_endpoints(service, case.evidence.objects)
    if case.evidence.asked(kinds.ENDPOINTS):
        found = case.find(kinds.ENDPOINTS, fields.namespace(service), fields.name(service))
        return sum(len(fields.items(part, "addresses")) for part in fields.items(found, "subsets"))
    return None


def cited(case: Case, service: Object) -> list[Citation]:
    """The addresses and ports as they stand there."""
    slices = [
        part
        for part in case.evidence.of(kinds.ENDPOINT_SLICE)
        if fields.text(part, "metadata", "labels", "kubernetes.io/service-name") == fields.name(service)
        and fields.namespace(part) == fields.namespace(service)
    ]
    if slices:
        return [citing.of_object(slices[0], field) for field in ("endpoints", "ports")]
    found = case.find(kinds.ENDPOINTS, fields.namespace(service), fields.name(service))
    return [citing.of_object(found, "subsets")] if found is not None else []
