"""A proposal as something that can be put into a repository: the patches of a kustomization."""

from __future__ import annotations

import json
from typing import Any

import yaml

from incident_commander.api.plan import ActionName, Op, Operation, Plan, Step


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
    operations = [{"op": op.op.value, "path": op.path, **_value(op)} for op in step.operations]
    selected = {"group": group, "version": version, "kind": target.kind, "namespace": target.namespace}
    named = {key: value for key, value in {**selected, "name": target.name}.items() if value}
    return {"target": named, "patch": yaml.safe_dump(operations, sort_keys=False, width=100)}


def _value(operation: Operation) -> dict[str, Any]:
    return {} if operation.op is Op.REMOVE else {"value": json.loads(operation.value or "null")}


def _printable(text: str) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in text)
