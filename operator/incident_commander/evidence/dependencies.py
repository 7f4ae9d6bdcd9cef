"""What suffers when something fails: links from an object to what it needs, read from objects alone. Pure."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

from incident_commander.api import kinds
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.lines import clean_line
from incident_commander.evidence.owners import Objects, claims_of
from incident_commander.evidence.topology import Topology
from incident_commander.ports import Object


class Relation(enum.StrEnum):
    """Why one object needs another."""

    RUNS_ON = "runs on"
    MOUNTS = "mounts"
    SELECTS = "selects"
    SCALES = "scales"
    CALLS = "calls"


@dataclass(frozen=True, slots=True)
class Link:
    """``effect`` needs ``cause`` (both ``Kind/namespace/name``); ``words`` say what shows it."""

    effect: str
    cause: str
    relation: Relation
    words: str


_WORKLOADS = (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.CRON_JOB)
_ADDRESS_NAMES = re.compile(
    r"HOST|ADDR|URL|URI|ENDPOINT|SERVER|SERVICE|BROKER|DSN|UPSTREAM|BACKEND|PROXY", re.IGNORECASE
)
_HOSTS = re.compile(
    r"(?:(?<=//)|(?<![\w./-]))([a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)(?:\.([a-z0-9][-a-z0-9]{0,62}))?(?:\.svc[.\w-]*)?"
    r"(?!://)(?=[:/,;?\s]|$)"
)
_USER = re.compile(r"//[^/@\s]{0,256}@")
_LONGEST = 4096


def links(objects: Objects) -> tuple[Link, ...]:
    """All links among the objects, each once. What was not read has none."""
    topology = Topology(objects)
    found = [*_of_pods(objects, topology), *_of_services(objects, topology), *_of_autoscalers(objects, topology)]
    found += _calls(objects, topology)
    return tuple({(link.effect, link.cause, link.relation): link for link in reversed(found)}.values())[::-1]


def _of_pods(objects: Objects, topology: Topology) -> Iterator[Link]:
    for pod in objects.get(kinds.POD.resource, ()):
        top = reference(topology.top(pod))
        node = fields.text(pod, "spec", "nodeName")
        if node and not _ready(pod):
            # A pod that is well does not suffer from its node.
            yield Link(top, f"Node/{node}", Relation.RUNS_ON, f"its pod {fields.name(pod)} is not ready on node {node}")
        for claim in claims_of(pod):
            ref = f"PersistentVolumeClaim/{fields.namespace(pod)}/{claim}"
            yield Link(top, ref, Relation.MOUNTS, f"its pod {fields.name(pod)} mounts the claim {claim}")


def _of_services(objects: Objects, topology: Topology) -> Iterator[Link]:
    for service in objects.get(kinds.SERVICE.resource, ()):
        for behind in _behind(service, topology):
            words = f"the Service {fields.name(service)} selects its pods"
            yield Link(reference(service), behind, Relation.SELECTS, words)


def _of_autoscalers(objects: Objects, topology: Topology) -> Iterator[Link]:
    for hpa in objects.get(kinds.HORIZONTAL_POD_AUTOSCALER.resource, ()):
        target = topology.scale_target(hpa)
        if target is not None:
            yield Link(reference(hpa), reference(target), Relation.SCALES, f"the HPA {fields.name(hpa)} scales it")


def _calls(objects: Objects, topology: Topology) -> Iterator[Link]:
    services = {(fields.namespace(s), fields.name(s)): s for s in objects.get(kinds.SERVICE.resource, ())}
    behind = {place: _behind(service, topology) for place, service in services.items()}
    for kind in _WORKLOADS:
        for workload in objects.get(kind.resource, ()):
            own, namespace = reference(workload), fields.namespace(workload)
            for setting, service_name, place in _named(workload, namespace):
                for called in behind.get((place, service_name), ()):
                    if called != own:
                        words = f"its {setting} names the Service {service_name}"
                        yield Link(own, called, Relation.CALLS, words)


def _named(workload: Object, namespace: str) -> Iterator[tuple[str, str, str]]:
    """(where it is said, name, namespace) of everything that may be a Service in the settings of a workload."""
    template = fields.mapping(workload, "spec", "template", "spec")
    if not template:
        template = fields.mapping(workload, "spec", "jobTemplate", "spec", "template", "spec")
    for container in fields.items(template, "containers"):
        for variable in fields.items(container, "env"):
            name, value = fields.text(variable, "name"), _USER.sub("//", fields.text(variable, "value")[:_LONGEST])
            for host in _HOSTS.finditer(value):
                if host.group(0) != value or _ADDRESS_NAMES.search(name):
                    yield f"environment ({clean_line(name)[:60]})", host[1], host[2] or namespace
        for part in ("command", "args"):
            for word in container.get(part) or ():
                for host in _HOSTS.finditer(_USER.sub("//", str(word)[:_LONGEST])):
                    if host.group(0) != word:
                        yield part, host[1], host[2] or namespace


def _behind(service: Object, topology: Topology) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reference(topology.top(pod)) for pod in topology.pods_of(service)))


def _ready(pod: Object) -> bool:
    conditions = fields.items(pod, "status", "conditions")
    return any(fields.text(c, "type") == "Ready" and fields.text(c, "status") == "True" for c in conditions)
