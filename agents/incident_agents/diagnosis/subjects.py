"""Whom a series or an alert is about, by its labels."""

from __future__ import annotations

from collections.abc import Mapping

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.stores import behind_service
from incident_commander.api import kinds
from incident_commander.evidence import fields

NODE_LABELS = ("node", "k8s_node_name", "instance", "nodename", "kubernetes_node", "hostname", "host_name")
WORKLOAD_LABELS = (
    "deployment",
    "statefulset",
    "workload",
    "destination_workload",
    "destination_canonical_service",
    "k8s_deployment_name",
    "k8s_statefulset_name",
    "k8s_daemonset_name",
    "service",
    "service_name",
    "destination_service_name",
    "exported_service",
    "app",
    "app_kubernetes_io_name",
    "pod",
    "k8s_pod_name",
    "pod_name",
    "kubernetes_pod_name",
    "exported_pod",
    "job",
)
PLACE_LABELS = (
    "destination_workload_namespace",
    "exported_namespace",
    "k8s_namespace_name",
    "namespace",
    "kubernetes_namespace",
    "service_namespace",
)


class Subjects:
    """From labels to a workload or a node."""

    def __init__(self, case: Case) -> None:
        self._nodes = {fields.name(n): f"Node/{fields.name(n)}" for n in case.evidence.of(kinds.NODE)}
        for node in case.evidence.of(kinds.NODE):
            for address in fields.items(node, "status", "addresses"):
                self._nodes.setdefault(fields.text(address, "address"), f"Node/{fields.name(node)}")
        self._workloads: dict[tuple[str, str], str] = {}
        for workload in case.workloads:
            place = fields.namespace(workload.object)
            self._workloads[place, fields.name(workload.object)] = workload.ref
            for pod in workload.pods:
                self._workloads.setdefault((place, fields.name(pod)), workload.ref)
        for service in case.evidence.of(kinds.SERVICE):
            behind = behind_service(case, service)
            if behind is not None:
                self._workloads.setdefault((fields.namespace(service), fields.name(service)), behind.ref)
        self._by_name: dict[str, str] = {}
        for (_, name), ref in self._workloads.items():
            self._by_name.setdefault(name, ref)

    def of(self, labels: Mapping[str, str]) -> str:
        """The reference, or the empty string."""
        place = next((labels[key] for key in PLACE_LABELS if labels.get(key)), "")
        for key in WORKLOAD_LABELS:
            name = labels.get(key, "")
            if name:
                name = name.rsplit("/", 1)[-1]  # OpenTelemetry's job: NAMESPACE/SERVICE
                found = self._workloads.get((place, name)) or self._by_name.get(name)
                if found is not None:
                    return found
        for key in NODE_LABELS:
            name = labels.get(key, "").rsplit(":", 1)[0]
            if name in self._nodes:
                return self._nodes[name]
        return ""
