"""What the API server refuses: the rules that a remediation could run into, with its own messages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from incident_commander import errors
from incident_commander.api.kinds import Kind
from incident_commander.api.names import GROUP
from incident_commander.api.quantity import parse_quantity
from incident_commander.evidence.selectors import matches_selector
from incident_commander.ports import Object
from incident_commander.rehearsal.kindrules import qos_class
from incident_commander.rehearsal.objects import copy_json, dig
from incident_commander.rehearsal.structural import complaints, schemas

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_IMMUTABLE = "field is immutable"

_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "pods": ("spec",),
    "deployments.apps": ("spec", "template", "spec"),
    "replicasets.apps": ("spec", "template", "spec"),
    "statefulsets.apps": ("spec", "template", "spec"),
    "daemonsets.apps": ("spec", "template", "spec"),
    "jobs.batch": ("spec", "template", "spec"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template", "spec"),
}
_FROZEN: Mapping[str, tuple[str, ...]] = {
    "deployments.apps": ("selector",),
    "replicasets.apps": ("selector",),
    "daemonsets.apps": ("selector",),
    "jobs.batch": ("selector", "completions", "template"),
}
_STATEFUL_SET_MUTABLE = frozenset(
    {
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    }
)
_POD_MUTABLE = frozenset({"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"})


def validate(kind: Kind, new: Object, old: Object | None, subresource: str | None = None) -> None:
    """Raises ``Invalid`` with every complaint."""
    found = list(_complaints(kind, new, old, subresource))
    if found:
        qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
        joined = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
        raise errors.Invalid(f'{qualified} "{new["metadata"].get("name", "")}" is invalid: {joined}')


def _complaints(kind: Kind, new: Object, old: Object | None, subresource: str | None) -> Iterator[str]:
    yield from _metadata(new)
    schema = schemas().get(kind.resource) if kind.group == GROUP else None
    if schema is not None:
        yield from complaints(new, schema)
        return
    if subresource == "status":
        return
    path = _TEMPLATES.get(kind.resource)
    if path is not None:
        yield from _pod_spec(dig(new, *path) or {}, ".".join(path))
    yield from _SPECIFIC.get(kind.resource, _nothing)(new)
    if old is not None:
        yield from _changes(kind, new, old, subresource)


def _metadata(new: Object) -> Iterator[str]:
    name = str(new["metadata"].get("name", ""))
    if not _NAME.fullmatch(name) or len(name) > 253:
        yield (
            f"metadata.name: Invalid value: {json.dumps(name)}: a lowercase RFC 1123 subdomain must consist of lower "
            "case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
        )
    for key, value in (new["metadata"].get("labels") or {}).items():
        if not isinstance(value, str) or len(value) > 63 or not _LABEL_VALUE.fullmatch(value):
            yield f"metadata.labels: Invalid value: {json.dumps(value)}: a valid label must be ... (key {key})"
    size = sum(len(k) + len(str(v)) for k, v in (new["metadata"].get("annotations") or {}).items())
    if size > 256 * 1024:
        yield "metadata.annotations: Too long: may not be more than 262144 bytes"


def _pod_spec(spec: Mapping[str, Any], path: str) -> Iterator[str]:
    containers = spec.get("containers") or []
    if not containers:
        yield f"{path}.containers: Required value"
    seen: set[str] = set()
    for number, container in enumerate(containers):
        where = f"{path}.containers[{number}]"
        name = str(container.get("name", ""))
        if not name:
            yield f"{where}.name: Required value"
        elif name in seen:
            yield f'{where}.name: Duplicate value: "{name}"'
        seen.add(name)
        if not container.get("image"):
            yield f"{where}.image: Required value"
        yield from _resources(container.get("resources") or {}, f"{where}.resources")


def _resources(resources: Mapping[str, Any], path: str) -> Iterator[str]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for group, values in (("limits", limits), ("requests", requests)):
        for key, value in values.items():
            try:
                if parse_quantity(str(value)) < 0:
                    yield f'{path}.{group}.{key}: Invalid value: "{value}": must be greater than or equal to 0'
            except ValueError:
                raise errors.Invalid(
                    f"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$': "
                    f"{path}.{group}.{key}",
                    status=400,
                    reason="BadRequest",
                ) from None
    for key, value in requests.items():
        if key in limits and parse_quantity(str(value)) > parse_quantity(str(limits[key])):
            yield (
                f'{path}.requests: Invalid value: "{value}": must be less than or equal to {key} limit of {limits[key]}'
            )


def _workload(new: Object) -> Iterator[str]:
    spec = new["spec"]
    replicas = spec.get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise errors.Invalid("spec.replicas: expected an integer", status=400, reason="BadRequest")
    if replicas < 0:
        yield f"spec.replicas: Invalid value: {replicas}: must be greater than or equal to 0"
    labels = dig(spec, "template", "metadata", "labels") or {}
    if not spec.get("selector"):
        yield "spec.selector: Required value"
    elif not matches_selector(labels, spec["selector"]):
        yield (
            f"spec.template.metadata.labels: Invalid value: {json.dumps(labels)}: "
            "`selector` does not match template `labels`"
        )


def _autoscaler(new: Object) -> Iterator[str]:
    low, high = new["spec"].get("minReplicas", 1), new["spec"].get("maxReplicas", 0)
    if high < 1:
        yield f"spec.maxReplicas: Invalid value: {high}: must be greater than 0"
    elif high < low:
        yield f"spec.maxReplicas: Invalid value: {high}: must be greater than or equal to `minReplicas`"


def _nothing(_new: Object) -> Iterator[str]:
    return iter(())


def _changes(kind: Kind, new: Object, old: Object, subresource: str | None) -> Iterator[str]:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    for field in _FROZEN.get(kind.resource, ()):
        if spec.get(field) != before.get(field):
            yield f"spec.{field}: Invalid value: {json.dumps(spec.get(field))}: {_IMMUTABLE}"
    if kind.resource == "statefulsets.apps" and any(
        spec.get(field) != before.get(field) for field in (spec | before) if field not in _STATEFUL_SET_MUTABLE
    ):
        yield (
            "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
            "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' "
            "are forbidden"
        )
    if kind.resource == "pods" and subresource == "resize":
        if qos_class(new) != qos_class(old):
            text = "Pod QOS Class may not change as a result of resizing"
            yield f"spec: Invalid value: {json.dumps(qos_class(old))}: {text}"
    elif kind.resource == "pods" and _fixed_part(spec) != _fixed_part(before):
        yield (
            "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
            "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
            "previously negative)"
        )


def _fixed_part(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """A pod's spec without what an update may change."""
    fixed = copy_json({key: value for key, value in spec.items() if key not in _POD_MUTABLE})
    for container in fixed.get("containers") or []:
        container.pop("image", None)
    return dict(fixed)


_SPECIFIC: Mapping[str, Callable[[Object], Iterator[str]]] = {
    "deployments.apps": _workload,
    "replicasets.apps": _workload,
    "statefulsets.apps": _workload,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
}
