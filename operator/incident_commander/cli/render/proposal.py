"""A proposal as something that can be put into a repository: the patches of a kustomization."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from incident_commander.actions.fields import pointer
from incident_commander.api.names import ANNOTATION_RESTARTED_AT
from incident_commander.api.plan import ActionName, Op, Operation, Plan, Step

_NOT_IN_GIT = frozenset({"kubectl.kubernetes.io/restartedAt", ANNOTATION_RESTARTED_AT})
"""Marks of a restart by hand: no repository holds them."""


def kustomize_patches(plan: Plan) -> str:
    """YAML in ASCII, a comment with the reason above; empty when the plan proposes nothing.

    Source: kustomize "patches" (a JSON Patch with a target).
    """
    steps = [step for step in plan.steps if step.action is ActionName.GITOPS_PROPOSAL]
    if not steps:
        return ""
    said = [plan.proposal_reason, *(step.summary for step in steps)]
    head = "".join(f"# {_printable(line)}\n" for line in said if line)
    body = {"patches": [_patch(step) for step in steps]}
    return head + yaml.safe_dump(body, sort_keys=False, width=100)


def _patch(step: Step) -> dict[str, Any]:
    target = step.target
    group, _, version = target.api_version.rpartition("/")
    before = {field.path: json.loads(field.value) for field in step.pre_image if field.value is not None}
    operations = [one for op in step.operations for one in _operations(op, before.get(op.path))]
    selected = {"group": group, "version": version, "kind": target.kind, "namespace": target.namespace}
    named = {key: value for key, value in {**selected, "name": target.name}.items() if value}
    return {"target": named, "patch": yaml.safe_dump(operations, sort_keys=False, width=100)}


def _operations(operation: Operation, before: Any) -> list[dict[str, Any]]:
    """Only the fields that differ: the rest of a pod template may be defaults of the API server."""
    if operation.op is not Op.REMOVE and before is not None:
        found = list(_differences(operation.path, before, json.loads(operation.value or "null")))
        if found:
            return found
    return [{"op": operation.op.value, "path": operation.path, **_value(operation)}]


def _differences(path: str, old: Any, new: Any) -> Iterator[dict[str, Any]]:
    """A JSON Patch from one value to the other. Null means absent; "add" also replaces what is there (RFC 6902)."""
    old, new = _meant(old), _meant(new)
    if isinstance(old, dict) and isinstance(new, dict) and old and new:  # an empty one may be a default, too
        for key in sorted({*old, *new}):
            yield from _differences(f"{path}{pointer(key)}", old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and _names(old) and _names(old) == _names(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            inner = list(_differences(f"{path}/{index}", one, other))
            if inner:  # the repository may have another order: then it fails, and does not hit another container
                yield {"op": "test", "path": f"{path}/{index}/name", "value": one["name"]}
            yield from inner
    elif old != new:
        yield {"op": "remove", "path": path} if new is None else {"op": "add", "path": path, "value": new}


def _meant(value: Any) -> Any:
    """Without the members that no repository holds."""
    if not isinstance(value, dict):
        return value
    return {key: inner for key, inner in value.items() if inner is not None and key not in _NOT_IN_GIT}


def _names(items: list[Any]) -> list[str]:
    """Of entries that have each a name, as containers do; empty otherwise."""
    names = [item.get("name") for item in items if isinstance(item, dict)]
    return [n for n in names if isinstance(n, str)] if len(names) == len(items) and all(names) else []


def _value(operation: Operation) -> dict[str, Any]:
    return {} if operation.op is Op.REMOVE else {"value": json.loads(operation.value or "null")}


def _printable(text: str) -> str:
    text = text.replace("→", "->").replace("…", "...")
    return "".join(char if " " <= char <= "~" else "?" for char in text)
