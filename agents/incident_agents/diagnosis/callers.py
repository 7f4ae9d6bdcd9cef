"""Who talks to which Service: by what logs complain about, and by what the environment names."""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis.addresses import Address, in_value, is_ip
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
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
    """Services that the environment of a workload names, by the Service's name.

    From literal values and from ConfigMap values that are addresses; the names of variables do not matter.
    """
    namespace = fields.namespace(workload.object)
    found: dict[str, Address] = {}
    pod = workload.living[0] if workload.living else None
    for written in _environment(case, pod, namespace) if pod is not None else ():
        for address in in_value(written):
            service = case.service_at(address, namespace)
            if service is not None:
                found.setdefault(fields.name(service), address)
    return found


def _environment(case: Case, pod: Object, namespace: str) -> Iterator[str]:
    for container in pods.containers(pod):
        for variable in fields.items(container.spec, "env"):
            if text := fields.text(variable, "value"):
                yield text[:500]
            ref = fields.mapping(variable, "valueFrom", "configMapKeyRef")
            if ref:
                yield from _values(case, namespace, fields.text(ref, "name"), fields.text(ref, "key"))
        for source in fields.items(container.spec, "envFrom"):
            if name := fields.text(source, "configMapRef", "name"):
                yield from _values(case, namespace, name, None)


def _values(case: Case, namespace: str, name: str, key: str | None) -> Iterator[str]:
    config_map = case.find(kinds.CONFIG_MAP, namespace, name)
    for found, text in fields.strings(config_map, "data").items() if config_map is not None else ():
        if key is None or key == found:
            yield text
