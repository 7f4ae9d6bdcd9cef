"""Addresses in the configuration of a workload: environment, arguments, ConfigMap values that are addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from incident_agents.diagnosis.addresses import Address, in_value
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.ports import Object

_HOST_NAMES = re.compile(
    r"(?:^|_|-|\.)(?:HOST|HOSTNAME|ADDR|ADDRESS|SERVER|SERVERS|URL|URI|ENDPOINT|DSN|BROKERS?|NODES?|SERVICE|UPSTREAM"
    r"|BACKEND|TARGET)$",
    re.IGNORECASE,
)
_PORT_NAME = re.compile(r"(?P<stem>.+?)[_.-]?PORT$", re.IGNORECASE)
_HOST_NAME = re.compile(r"(?P<stem>.+?)[_.-]?(?:HOST|HOSTNAME|ADDR|ADDRESS|SERVER|SERVICE)$", re.IGNORECASE)
_TEXT = 600


@dataclass(frozen=True, slots=True)
class Setting:
    """One address that a workload was given. ``name`` is the variable's, or empty for an argument.

    ``sure`` is whether the value can be nothing but an address: it has a port, a scheme, or a name that says so.
    """

    name: str
    address: Address
    citation: Citation
    sure: bool


def settings(case: Case, workload: Workload) -> list[Setting]:
    """Every address in the newest pod's containers, or in the template when there is no pod."""
    return case.once(("settings", workload.ref), lambda: _settings(case, workload))


def given(case: Case, place: str) -> Mapping[str, Sequence[tuple[Workload, Setting]]]:
    """By the first label of a host, the workloads of a namespace that were given it, each with its setting."""
    return case.once(("given", place), lambda: _given(case, place))


def _given(case: Case, place: str) -> dict[str, list[tuple[Workload, Setting]]]:
    found: dict[str, list[tuple[Workload, Setting]]] = {}
    for workload in case.workloads:
        for setting in settings(case, workload) if fields.namespace(workload.object) == place else ():
            found.setdefault(setting.address.host.split(".")[0], []).append((workload, setting))
    return found


def _settings(case: Case, workload: Workload) -> list[Setting]:
    subject, base = _subject(workload)
    if subject is None:
        return []
    found: list[Setting] = []
    place = fields.namespace(workload.object)
    for n, spec in enumerate(fields.items(subject, *base, "containers")):
        path = ".".join((*base, f"containers[{n}]"))
        own = list(_of_container(case, place, subject, path, spec))
        found += _with_ports(own, spec)
    return found


def _subject(workload: Workload) -> tuple[Object | None, tuple[str, ...]]:
    if workload.living:
        return workload.living[0], ("spec",)
    if fields.mapping(workload.object, "spec", "template", "spec"):
        return workload.object, ("spec", "template", "spec")
    return None, ()


def _of_container(case: Case, place: str, subject: Object, path: str, spec: dict[str, Any]) -> Iterator[Setting]:
    for n, variable in enumerate(fields.items(spec, "env")):
        name, text = fields.text(variable, "name"), fields.text(variable, "value")
        cited = f"{path}.env[{n}].value"
        ref = fields.mapping(variable, "valueFrom", "configMapKeyRef")
        if not text and ref:
            text = _value(case, place, fields.text(ref, "name"), fields.text(ref, "key"))
            cited = f"{path}.env[{n}].valueFrom"
        yield from _read(name, text, subject, cited)
    for n, source in enumerate(fields.items(spec, "envFrom")):
        config_map = case.find(kinds.CONFIG_MAP, place, fields.text(source, "configMapRef", "name"))
        for name, text in fields.strings(config_map, "data").items():
            yield from _read(name, text, subject, f"{path}.envFrom[{n}].configMapRef.name")
    for key in ("command", "args"):
        for n, text in enumerate(fields.words(spec, key)[:60]):
            if ":" in text:
                yield from _read("", text.split("=", 1)[-1], subject, f"{path}.{key}[{n}]")


def _value(case: Case, place: str, name: str, key: str) -> str:
    return fields.strings(case.find(kinds.CONFIG_MAP, place, name), "data").get(key, "")


def _read(name: str, text: str, subject: Object, path: str) -> Iterator[Setting]:
    if not text or len(text) > _TEXT:
        return
    for part in text.split(",")[:10]:
        for address in in_value(part):
            sure = address.port is not None or "://" in part or _HOST_NAMES.search(name) is not None
            yield Setting(name, address, citing.of_object(subject, path), sure)


def _with_ports(found: list[Setting], spec: dict[str, Any]) -> list[Setting]:
    """Hosts whose port stands in a variable of its own: DB_HOST and DB_PORT."""
    ports: dict[str, int] = {}
    for variable in fields.items(spec, "env"):
        named, value = _PORT_NAME.fullmatch(fields.text(variable, "name")), fields.text(variable, "value")
        if named is not None and value.isascii() and value.isdigit() and len(value) < 6:
            ports[named["stem"].lower()] = int(value)
    return [_joined(s, ports) for s in found]


def _joined(setting: Setting, ports: dict[str, int]) -> Setting:
    named = _HOST_NAME.fullmatch(setting.name) if setting.address.port is None else None
    port = ports.get(named["stem"].lower()) if named is not None else None
    return setting if port is None else replace(setting, address=Address(setting.address.host, port), sure=True)
