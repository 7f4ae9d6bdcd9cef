"""Data stores: which workloads are one, of which kind, and which of them a workload uses."""

from __future__ import annotations

import re

from incident_agents.diagnosis.callers import configured
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.evidence import fields, pods
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.owners import selects
from incident_commander.ports import Object

_KINDS: tuple[tuple[str, re.Pattern[str], frozenset[int]], ...] = (
    ("mysql", re.compile(r"mysql|mariadb|percona|tidb|vitess", re.IGNORECASE), frozenset({3306, 33060})),
    (
        "postgresql",
        re.compile(r"postgres|timescale|cockroach|pgbouncer", re.IGNORECASE),
        frozenset({5432, 6432}),
    ),
    ("mongodb", re.compile(r"mongo", re.IGNORECASE), frozenset({27017})),
    ("redis", re.compile(r"redis|valkey|keydb|dragonfly", re.IGNORECASE), frozenset({6379, 26379})),
    ("memcached", re.compile(r"memcache", re.IGNORECASE), frozenset({11211})),
    ("amqp", re.compile(r"rabbitmq|activemq|artemis", re.IGNORECASE), frozenset({5672, 61616})),
    ("kafka", re.compile(r"kafka|redpanda", re.IGNORECASE), frozenset({9092})),
    ("mssql", re.compile(r"mssql|sqlserver", re.IGNORECASE), frozenset({1433})),
    ("cassandra", re.compile(r"cassandra|scylla", re.IGNORECASE), frozenset({9042})),
    ("elasticsearch", re.compile(r"elasticsearch|opensearch", re.IGNORECASE), frozenset({9200})),
)


def kind_of(workload: Workload) -> str:
    """The protocol of the store that a workload is, by its images, else by its ports; empty when it is none."""
    specs = fields.items(workload.object, "spec", "template", "spec", "containers") or fields.items(
        workload.object, "spec", "containers"
    )
    images = [fields.text(spec, "image").rsplit("/", 1)[-1].split("@", 1)[0].split(":", 1)[0] for spec in specs]
    for kind, pattern, _ in _KINDS:
        if any(pattern.search(image) and "exporter" not in image for image in images):
            return kind
    declared = {fields.integer(p, "containerPort") for spec in specs for p in fields.items(spec, "ports")}
    return next((kind for kind, _, ports in _KINDS if declared & ports), "")


def kind_of_service(case: Case, service: Object) -> str:
    """The same for a Service: by what is behind it, else by its name and ports."""
    behind = behind_service(case, service)
    if behind is not None and (kind := kind_of(behind)):
        return kind
    offered = {fields.integer(p, "port") for p in fields.items(service, "spec", "ports")}
    for kind, pattern, ports in _KINDS:
        if offered & ports or pattern.search(fields.name(service)):
            return kind
    return ""


_WORDS = re.compile(r"(?:^|[^a-z])(?:db|database|jdbc|sql|cache|queue|broker|amqp)(?:$|[^a-z])", re.IGNORECASE)


def is_said(name: str) -> bool:
    """Whether a name, of a variable or a Service, says that it is about a store."""
    return _WORDS.search(name) is not None or any(pattern.search(name) for _, pattern, _ in _KINDS)


def not_of(case: Case, workload: Workload, place: str, names: list[str]) -> list[str]:
    """The names of Services without those that lead to the workload itself, which nobody has to tell it."""
    return [
        n for n in names if (s := case.find(kinds.SERVICE, place, n)) is None or behind_service(case, s) is not workload
    ]


def behind_service(case: Case, service: Object) -> Workload | None:
    """The workload that a Service is for, whether or not it has pods just now."""
    return case.once(("behind", reference(service)), lambda: _behind(case, service))


def _behind(case: Case, service: Object) -> Workload | None:
    for pod in case.topology.pods_of(service):
        if (found := case.workload_of(pod)) is not None:
            return found
    selector = fields.strings(service, "spec", "selector")
    for workload in case.workloads:
        labels = fields.strings(workload.object, "spec", "template", "metadata", "labels")
        same_place = fields.namespace(workload.object) == fields.namespace(service)
        if selector and same_place and selects(selector, labels):
            return workload
    return None


def used_by(case: Case, workload: Workload, kind: str) -> list[tuple[Object | None, Workload | None]]:
    """Stores of a kind that a workload talks to: those that its environment or its log names, else the only ones."""
    place = fields.namespace(workload.object)
    services = [s for s in case.evidence.of(kinds.SERVICE) if fields.namespace(s) == place]
    named = set(configured(case, workload))
    named |= {
        fields.name(s) for c in case.complaints[workload.ref] if (s := case.service_at(c.address, place)) is not None
    }
    fitting = [s for s in services if kind_of_service(case, s) == kind and reference(s) != workload.ref]
    chosen = [s for s in fitting if fields.name(s) in named] or fitting
    if chosen:
        return [(s, behind_service(case, s)) for s in chosen]
    return [(None, w) for w in case.workloads if kind_of(w) == kind and fields.namespace(w.object) == place]


def alive(workload: Workload) -> bool:
    """Whether a store has a pod that is ready."""
    return any(pods.ready(p) for p in workload.living)
