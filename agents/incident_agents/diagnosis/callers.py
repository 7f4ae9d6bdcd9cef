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
from incident_commander.evidence.owners import pods_of
from incident_commander.ports import Object


def service_at(case: Case, address: Address, namespace: str) -> Object | None:
    """The Service of this namespace behind a host name, a cluster IP, or the IP of one of its pods."""
    labels = address.host.split(".")
    ip = is_ip(address.host)
    for service in case.evidence.of(kinds.SERVICE):
        if fields.namespace(service) != namespace:
            continue
        if ip:
            if fields.text(service, "spec", "clusterIP") == address.host:
                return service
            if any(fields.text(p, "status", "podIP") == address.host for p in pods_of(service, case.evidence.objects)):
                return service
            continue
        if labels[0] != fields.name(service).lower():
            # A stateful pod's own name: POD.SERVICE.NAMESPACE.svc
            if len(labels) < 2 or labels[1] != fields.name(service).lower():
                continue
            labels_after = labels[2:]
        else:
            labels_after = labels[1:]
        if not labels_after or labels_after[0] == namespace:
            return service
    return None


def complaints(case: Case, service: Object) -> list[tuple[Workload, Citation, int | None]]:
    """Who complains about a Service (other than the pods behind it): the caller, its words, the port it asked."""
    behind = {reference(p) for p in pods_of(service, case.evidence.objects)}
    found: list[tuple[Workload, Citation, int | None]] = []
    for workload in case.workloads:
        if any(reference(p) in behind for p in workload.pods):
            continue
        for complaint in case.complaints[workload.ref]:
            met = service_at(case, complaint.address, fields.namespace(workload.object))
            if met is not None and reference(met) == reference(service):
                port = complaint.address.port if not is_ip(complaint.address.host) else None
                found.append((workload, citing.of_log(complaint.log, complaint.line), port))
                break
    return found


def configured(case: Case, workload: Workload) -> dict[str, Address]:
    """Services that the environment of a workload names, by the Service's name.

    From literal values and from ConfigMap values that are addresses; the names of variables do not matter.
    """
    namespace = fields.namespace(workload.object)
    found: dict[str, Address] = {}
    pod = workload.living[0] if workload.living else None
    for written in _environment(case, pod, namespace) if pod is not None else ():
        for address in in_value(written):
            service = service_at(case, address, namespace)
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
