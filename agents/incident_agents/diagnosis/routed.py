"""Where a workload sends requests on, and what for: by its ConfigMaps, its environment and its arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from incident_agents.diagnosis.addresses import in_value
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.settings import settings
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.ports import Object


@dataclass(frozen=True, slots=True)
class Entry:
    """An address in a configuration, and what is said of it.

    ``named``: its own name and path, without those of its neighbours. ``key``: of the ConfigMap, under which it stands.
    """

    said: str
    to: str
    named: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests go, and what is said of them: a path, a name, a variable. ``service``: the one at that address."""

    said: str
    to: str
    service: Object | None
    citation: Citation


def routed(case: Case, workload: Workload) -> list[Route]:
    """Every address that a workload was given."""
    return case.once(("routed", workload.ref), lambda: list(_routed(case, workload)))


def _routed(case: Case, workload: Workload) -> Iterator[Route]:
    place = fields.namespace(workload.object)
    for config_map, entries in configured(case, workload):
        for entry in entries:
            address = next(iter(in_value(entry.to)), None)
            service = case.service_at(address, place) if address is not None else None
            yield Route(entry.said, entry.to, service, citing.of_entry(config_map, entry.key, entry.to))
    for setting in settings(case, workload):
        to = f"{setting.address.host}:{setting.address.port}" if setting.address.port else setting.address.host
        yield Route(setting.name, to, case.service_at(setting.address, place), setting.citation)


def configured(case: Case, workload: Workload) -> Iterator[tuple[Object, list[Entry]]]:
    """The entries of each ConfigMap key that a workload reads, as files or as its environment."""
    for config_map in _mounted(case, workload):
        for key, text in fields.strings(config_map, "data").items():
            yield config_map, [replace(entry, key=key) for entry in _entries(text)]


def _mounted(case: Case, workload: Workload) -> Iterator[Object]:
    """ConfigMaps that the workload reads, as files or as its environment."""
    subject = fields.mapping(workload.object, "spec", "template", "spec") or fields.mapping(workload.object, "spec")
    names: list[str] = []
    for volume in fields.items(subject, "volumes"):
        sources = [volume, *fields.items(volume, "projected", "sources")]
        names += [fields.text(source, "configMap", "name") for source in sources]
    for container in fields.items(subject, "containers"):
        names += [fields.text(source, "configMapRef", "name") for source in fields.items(container, "envFrom")]
        names += [fields.text(v, "valueFrom", "configMapKeyRef", "name") for v in fields.items(container, "env")]
    for name in dict.fromkeys(filter(None, names)):
        found = case.find(kinds.CONFIG_MAP, fields.namespace(workload.object), name)
        if found is not None:
            yield found


def _entries(text: str) -> list[Entry]:
    """As ``evidence.routes`` kept them: an address belongs to the names and paths around it."""
    found: list[Entry] = []
    before: list[tuple[str, str]] = []
    fresh = False
    lines = [line.partition(" ") for line in text.split("\n")[1:]]
    for n, (word, _, value) in enumerate(lines):
        if word == "to":
            one_of_many = n + 1 < len(lines) and lines[n + 1][0] == "to" and [w for w, _ in before].count("path") > 1
            # Traefik lists all paths, and after them all addresses: which is whose is not to be seen.
            named = "" if fresh or one_of_many else _own(before)
            found.append(Entry(" ".join(v for _, v in before[-3:]), value, named))
            fresh = True
        elif word == "path" and fresh and "/" not in found[-1].said:
            # Spring: the path comes after the address
            last = found[-1]
            found[-1] = replace(last, said=f"{last.said} {value}", named=f"{last.named} {value}")
        else:
            before = [(word, value)] if fresh else [*before, (word, value)]
            fresh = False
    return found


def _own(before: list[tuple[str, str]]) -> str:
    """The last name and the last path: paths before them are answered by the gateway itself, names are of filters."""
    last = dict(before)
    return " ".join(value for word, value in last.items() if word in ("name", "path"))
