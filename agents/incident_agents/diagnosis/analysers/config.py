"""A ConfigMap, a Secret, or a key of one that a pod refers to is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.ports import Object

_NAME = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_MISSING = re.compile(rf'\b(?P<kind>configmap|secret) "(?P<name>{_NAME})" not found', re.IGNORECASE)
_KEY = re.compile(
    rf"couldn't find key (?P<key>[-._a-zA-Z0-9]+) in (?P<kind>ConfigMap|Secret) (?:(?P<ns>{_NAME})/)?(?P<name>{_NAME})"
)
_MOUNTED_KEY = re.compile(r"references non-existent (?P<kind>config|secret) key: (?P<key>[-._a-zA-Z0-9]+)")
_VOLUME = re.compile(r'for volume "(?P<volume>[^"]{1,63})"')


@dataclass(frozen=True, slots=True)
class _Missing:
    kind: str
    name: str
    key: str


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and missing thing."""
    found: dict[tuple[str, _Missing], tuple[Workload, list[Object], str, list[Citation]]] = {}
    for workload, pod in case.sick:
        for missing, container, citation in list(_in_pod(case, pod)) or _by_spec(case, pod):
            entry = found.setdefault((workload.ref, missing), (workload, [], container, []))
            if pod not in entry[1]:
                entry[1].append(pod)
            if len(entry[3]) < 4:
                entry[3].append(citation)
    for (_, missing), (workload, sick, container, citations) in found.items():
        confidence, note = _confidence(case, workload, missing)
        what = f"{missing.kind} {missing.name}" + (f" has no key {missing.key}" if missing.key else " does not exist")
        fact = "configMap" if missing.kind == "ConfigMap" else "secret"
        yield of_workload(
            Cause.CONFIG_MISSING,
            workload,
            sick,
            container,
            confidence=confidence,
            summary=f"{what}, but {workload.ref} needs it to start{note}",
            evidence=citations,
            facts={fact: missing.name, "key": missing.key},
        )


def _in_pod(case: Case, pod: Object) -> Iterator[tuple[_Missing, str, Citation]]:
    for container in pods.containers(pod):
        if container.waiting == "CreateContainerConfigError":
            cited = citing.of_object(pod, f"{container.path}.state.waiting.message")
            for missing in _named(container.waiting_message, pod):
                yield missing, container.name, cited
            # The status keeps only the last message, and a recording may not have it: the event says it as well.
            for event in case.events(pod, "Failed")[:6]:
                for missing in _named(fields.text(event, "message"), pod):
                    yield missing, container.name, citing.of_event(event)
    if pods.phase(pod) == "Pending":
        for event in case.events(pod, "FailedMount"):
            for missing in _named(fields.text(event, "message"), pod):
                yield missing, "", citing.of_event(event)


def _by_spec(case: Case, pod: Object) -> Iterator[tuple[_Missing, str, Citation]]:
    """Nobody's words were kept: what a container that cannot be set up refers to, and that was not found."""
    if any(c.waiting in ("ContainerCreating", "PodInitializing") for c in pods.containers(pod)):
        for n, volume in enumerate(fields.items(pod, "spec", "volumes")):
            for missing, path in _mounted(volume):
                if missing.name not in _MADE_FOR_ALL and _not_there(case, pod, missing):
                    yield missing, "", citing.of_object(pod, f"spec.volumes[{n}].{path}")
    for container in pods.containers(pod):
        if container.waiting != "CreateContainerConfigError":
            continue
        key = "initContainers" if container.init else "containers"
        at = next((n for n, c in enumerate(fields.items(pod, "spec", key)) if c.get("name") == container.name), 0)
        for missing, path in _references(container.spec):
            if _not_there(case, pod, missing):
                yield missing, container.name, citing.of_object(pod, f"spec.{key}[{at}].{path}")


_MADE_FOR_ALL = frozenset({"kube-root-ca.crt", "openshift-service-ca.crt"})
"""Every namespace has them; recordings often do not."""


def _not_there(case: Case, pod: Object, missing: _Missing) -> bool:
    kind = kinds.SECRET if missing.kind == "Secret" else kinds.CONFIG_MAP
    return case.evidence.asked(kind) and case.find(kind, fields.namespace(pod), missing.name) is None


def _mounted(volume: dict[str, Any]) -> Iterator[tuple[_Missing, str]]:
    sources = [(volume, "", "secretName")]
    sources += [
        (s, f"projected.sources[{n}].", "name") for n, s in enumerate(fields.items(volume, "projected", "sources"))
    ]
    for source, path, secret in sources:
        for field, key, kind in (("secret", secret, "Secret"), ("configMap", "name", "ConfigMap")):
            if (name := fields.text(source, field, key)) and not fields.flag(source, field, "optional"):
                yield _Missing(kind, name, ""), f"{path}{field}.{key}"


def _references(spec: dict[str, Any]) -> Iterator[tuple[_Missing, str]]:
    for n, variable in enumerate(fields.items(spec, "env")):
        for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            ref = fields.mapping(variable, "valueFrom", field)
            if fields.text(ref, "name") and not fields.flag(ref, "optional"):
                yield _Missing(kind, fields.text(ref, "name"), ""), f"env[{n}].valueFrom"
    for n, source in enumerate(fields.items(spec, "envFrom")):
        for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            ref = fields.mapping(source, field)
            if fields.text(ref, "name") and not fields.flag(ref, "optional"):
                yield _Missing(kind, fields.text(ref, "name"), ""), f"envFrom[{n}].{field}.name"


def _named(message: str, pod: Object) -> Iterator[_Missing]:
    for match in _MISSING.finditer(message):
        yield _Missing(_kind(match["kind"]), match["name"], "")
    for match in _KEY.finditer(message):
        yield _Missing(_kind(match["kind"]), match["name"], match["key"])
    mounted, volume = _MOUNTED_KEY.search(message), _VOLUME.search(message)
    if mounted is not None and volume is not None:
        source = {"config": ("configMap", "name"), "secret": ("secret", "secretName")}[mounted["kind"]]
        for spec in fields.items(pod, "spec", "volumes"):
            name = fields.text(spec, *source)
            if fields.text(spec, "name") == volume["volume"] and name:
                yield _Missing(_kind(mounted["kind"]), name, mounted["key"])


def _kind(word: str) -> str:
    return "Secret" if word.lower() == "secret" else "ConfigMap"


def _confidence(case: Case, workload: Workload, missing: _Missing) -> tuple[int, str]:
    """Checked against the ConfigMaps themselves, and against the names of Secrets where those were recorded."""
    kind = kinds.CONFIG_MAP if missing.kind == "ConfigMap" else kinds.SECRET
    if not case.evidence.of(kind):
        return 90, ""
    found = case.find(kind, fields.namespace(workload.object), missing.name)
    if found is None:
        return (95, "") if not missing.key else (85, "")
    keys = fields.mapping(found, "data").keys() | fields.mapping(found, "binaryData").keys()
    if missing.key and missing.key not in keys:
        return 95, ""
    return 40, " (it exists by now: the kubelet will try again)"
