"""Topology as a graph: who owns, selects, routes to, calls, mounts and runs on whom, each edge with where it is said.

Pods stand under what controls them, so that a drawing stays small.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

from incident_commander.api import kinds
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import Evidence, reference
from incident_commander.evidence.topology import Topology
from incident_commander.ports import Object

_ADDRESS = re.compile(r"(?<![\w.-])([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)((?:\.[a-z0-9-]{1,63}){0,4}):(\d{2,5})(?!\d)")
_MAX_LINES = 400
_MAX_LINE = 1000


_VOLUMES = (
    (("persistentVolumeClaim", "claimName"), "PersistentVolumeClaim"),
    (("configMap", "name"), "ConfigMap"),
    (("secret", "secretName"), "Secret"),
)
_REFERENCES = {
    "envFrom": (("configMapRef", "ConfigMap"), ("secretRef", "Secret")),
    "env": (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")),
}


class Relation(enum.StrEnum):
    """What an edge means, from its source to its target."""

    SELECTS = "selects"
    ROUTES = "routes to"
    CALLS = "calls"
    MOUNTS = "mounts"
    READS = "reads"
    RUNS_ON = "runs on"
    BINDS = "is bound to"
    SCALES = "scales"
    FILTERS = "filters"
    RUNS_AS = "runs as"


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` and ``target`` are ``Kind/namespace/name``; ``evidence`` is where the relation was read."""

    source: str
    relation: Relation
    target: str
    evidence: Citation


@dataclass(frozen=True, slots=True)
class Graph:
    """``sick``: nodes of the graph with pods that are not ready."""

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
    sick: frozenset[str]


def graph(evidence: Evidence) -> Graph:
    """The relations among everything in the evidence; ends that were not read are nodes as well."""
    seen: dict[tuple[str, Relation, str], Edge] = {}
    topology = Topology(evidence.objects)
    for edge in _edges(evidence, topology):
        if edge.source != edge.target:
            seen.setdefault((edge.source, edge.relation, edge.target), edge)
    edges = tuple(sorted(seen.values(), key=lambda e: (e.source, e.relation, e.target)))
    sick = {
        reference(topology.top(p)) for p in evidence.of(kinds.POD) if not pods.ready(p) and pods.phase(p) != "Succeeded"
    }
    tops = {reference(topology.top(p)) for p in evidence.of(kinds.POD)} if edges else set()
    nodes = {end for edge in edges for end in (edge.source, edge.target)} | tops
    return Graph(tuple(sorted(nodes)), edges, frozenset(sick & nodes))


def _edges(evidence: Evidence, topology: Topology) -> Iterator[Edge]:
    for pod in evidence.of(kinds.POD):
        yield from _of_pod(pod, reference(topology.top(pod)))
    for service in evidence.of(kinds.SERVICE):
        for pod in topology.pods_of(service):
            told = citing.of_object(service, "spec.selector")
            yield Edge(reference(service), Relation.SELECTS, reference(topology.top(pod)), told)
    yield from _of_routing(evidence)
    for claim in evidence.of(kinds.PERSISTENT_VOLUME_CLAIM):
        if volume := fields.text(claim, "spec", "volumeName"):
            told = citing.of_object(claim, "spec.volumeName")
            yield Edge(reference(claim), Relation.BINDS, f"PersistentVolume/{volume}", told)
    for hpa in evidence.of(kinds.HORIZONTAL_POD_AUTOSCALER):
        if (scaled := topology.scale_target(hpa)) is not None:
            yield Edge(reference(hpa), Relation.SCALES, reference(scaled), citing.of_object(hpa, "spec.scaleTargetRef"))
    yield from _filters(evidence, topology)
    yield from _calls(evidence, topology)


def _filters(evidence: Evidence, topology: Topology) -> Iterator[Edge]:
    tops: dict[str, set[str]] = {}
    for pod in evidence.of(kinds.POD):
        tops.setdefault(fields.namespace(pod), set()).add(reference(topology.top(pod)))
    for policy in evidence.of(kinds.NETWORK_POLICY):
        place = fields.namespace(policy)
        if fields.value(policy, "spec", "podSelector") == {}:
            filtered = tops.get(place, set())
        else:
            selector = fields.strings(policy, "spec", "podSelector", "matchLabels")
            filtered = {reference(topology.top(pod)) for pod in topology.selected(place, selector)}
        for top in filtered:
            yield Edge(reference(policy), Relation.FILTERS, top, citing.of_object(policy, "spec.podSelector"))


def _of_pod(pod: Object, top: str) -> Iterator[Edge]:
    place = fields.namespace(pod)
    if node := fields.text(pod, "spec", "nodeName"):
        yield Edge(top, Relation.RUNS_ON, f"Node/{node}", citing.of_object(pod, "spec.nodeName"))
    account = fields.text(pod, "spec", "serviceAccountName")
    if account and account != "default":
        told = citing.of_object(pod, "spec.serviceAccountName")
        yield Edge(top, Relation.RUNS_AS, f"ServiceAccount/{place}/{account}", told)
    for n, volume in enumerate(fields.items(pod, "spec", "volumes")):
        for path, kind in _VOLUMES:
            if name := fields.text(volume, *path):
                told = citing.of_object(pod, f"spec.volumes[{n}].{'.'.join(path)}")
                yield Edge(top, Relation.MOUNTS, f"{kind}/{place}/{name}", told)
    for part in ("initContainers", "containers"):
        for n, container in enumerate(fields.items(pod, "spec", part)):
            yield from _of_container(pod, container, f"spec.{part}[{n}]", top)


def _of_container(pod: Object, container: Object, at: str, top: str) -> Iterator[Edge]:
    place = fields.namespace(pod)
    for list_, above in (("envFrom", ()), ("env", ("valueFrom",))):
        for n, item in enumerate(fields.items(container, list_)):
            for key, kind in _REFERENCES[list_]:
                if name := fields.text(item, *above, key, "name"):
                    path = ".".join((f"{at}.{list_}[{n}]", *above, key, "name"))
                    yield Edge(top, Relation.READS, f"{kind}/{place}/{name}", citing.of_object(pod, path))


def _of_routing(evidence: Evidence) -> Iterator[Edge]:
    for ingress in evidence.of(kinds.INGRESS):
        place = fields.namespace(ingress)
        backends = [fields.mapping(ingress, "spec", "defaultBackend")]
        for rule in fields.items(ingress, "spec", "rules"):
            backends += [fields.mapping(path, "backend") for path in fields.items(rule, "http", "paths")]
        for backend in backends:
            if name := fields.text(backend, "service", "name"):
                told = citing.of_object(ingress, "spec.rules")
                yield Edge(reference(ingress), Relation.ROUTES, f"Service/{place}/{name}", told)
    for route in evidence.of(kinds.HTTP_ROUTE):
        for rule in fields.items(route, "spec", "rules"):
            for backend in fields.items(rule, "backendRefs"):
                if name := fields.text(backend, "name"):
                    place = fields.text(backend, "namespace") or fields.namespace(route)
                    told = citing.of_object(route, "spec.rules")
                    yield Edge(reference(route), Relation.ROUTES, f"Service/{place}/{name}", told)


def _calls(evidence: Evidence, topology: Topology) -> Iterator[Edge]:
    """By addresses in the environment and in logs, and by pairs of labels in metrics."""
    services = {(fields.namespace(s), fields.name(s)): reference(s) for s in evidence.of(kinds.SERVICE)}
    for pod in evidence.of(kinds.POD):
        top, place = reference(topology.top(pod)), fields.namespace(pod)
        for n, container in enumerate(fields.items(pod, "spec", "containers")):
            for m, variable in enumerate(fields.items(container, "env")):
                for service in _named(fields.text(variable, "value")[:_MAX_LINE], place, services):
                    path = f"spec.containers[{n}].env[{m}].value"
                    yield Edge(top, Relation.CALLS, service, citing.of_object(pod, path))
    told: set[tuple[str, str]] = set()
    for log in evidence.logs:
        sayer = topology.find(kinds.POD, log.namespace, log.pod)
        if sayer is None:
            continue
        top = reference(topology.top(sayer))
        for line in log.lines[-_MAX_LINES:]:
            for service in _named(line[:_MAX_LINE], log.namespace, services):
                if (top, service) not in told:  # citing takes time, and one line is enough
                    told.add((top, service))
                    yield Edge(top, Relation.CALLS, service, citing.of_log(log, line))
    yield from _measured(evidence, services)


_PAIRS = (("source_workload", "destination_service_name"), ("client", "server"))
"""Labels of service meshes and of service graphs from traces."""


def _measured(evidence: Evidence, services: dict[tuple[str, str], str]) -> Iterator[Edge]:
    by_name = {name: ref for (_, name), ref in services.items()}
    for name, series in evidence.series.items():
        for one in series:
            for caller, callee in _PAIRS:
                source, target = one.labels.get(caller, ""), by_name.get(one.labels.get(callee, ""))
                if source and target:
                    place = target.split("/")[1]
                    yield Edge(f"Deployment/{place}/{source}", Relation.CALLS, target, citing.of_series(name, one, ""))


def _named(text: str, namespace: str, services: dict[tuple[str, str], str]) -> Iterator[str]:
    if ":" not in text:
        return
    for match in _ADDRESS.finditer(text.lower()):
        rest = match[2].lstrip(".").split(".")
        found = services.get((rest[0] or namespace, match[1]))
        if found is not None:
            yield found
