"""A plan as a diff: what stands there now, what would stand there, and what could go wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from incident_commander.api.incident import Attempt
from incident_commander.api.plan import ActionName, FieldValue, Op, Operation, Plan, Risk, Step, Verb
from incident_commander.cli.render.text import safe, styled

MAX_CHANGES = 40
"""Lines of a step that are shown; a whole pod template rarely differs in more."""
_RISK_STYLE = {Risk.LOW: "green", Risk.MEDIUM: "yellow", Risk.HIGH: "bold red"}


@dataclass(frozen=True, slots=True)
class Change:
    """One field. Values are JSON text; None means that the field is absent."""

    path: str
    before: str | None
    after: str | None


def plan_diff(plan: Plan) -> RenderableType:
    """Digest, runbook and risk, then each step as a diff."""
    head = Text.assemble(
        ("Plan ", "bold"),
        styled(plan.runbook, "bold"),
        "  against ",
        styled(plan.cause),
        "  risk ",
        styled(plan.risk, _RISK_STYLE[plan.risk]),
    )
    parts: list[RenderableType] = [head]
    if plan.digest:
        parts.append(styled(plan.digest, "dim"))
    if plan.proposal_only:
        parts.append(Text.assemble(("Proposal only: ", "yellow"), styled(plan.proposal_reason)))
    parts += [step_diff(number, step) for number, step in enumerate(plan.steps, 1)]
    check = plan.verification
    if any(step.verb is not Verb.NONE for step in plan.steps):
        settle = f"of which the first {min(check.settle_seconds, check.window_seconds)} s are to settle"
        parts.append(Text(f"Verified over {check.window_seconds} s, {settle}.", "dim"))
    return Group(*parts)


def step_diff(number: int, step: Step) -> RenderableType:
    """One step: what is written to which object, and whether it can be taken back."""
    undo = "can be undone" if step.undo.possible else f"cannot be undone: {step.undo.reason or 'no reason given'}"
    parts: list[RenderableType] = [
        Text.assemble(
            f"{number}. ",
            styled(step.action, "bold cyan"),
            " ",
            styled(step.target),
            ("/" + safe(step.subresource) if step.subresource else ""),
            "  ",
            styled(undo, "dim" if step.undo.possible else "yellow"),
        )
    ]
    if step.summary:
        parts.append(Padding(styled(step.summary), (0, 0, 0, 3), expand=False))
    parts.append(Padding(_writes(step), (0, 0, 0, 3), expand=False))
    return Group(*parts)


def undo_diff(attempt: Attempt) -> RenderableType:
    """What taking an attempt back would write, the last step first."""
    parts: list[RenderableType] = [
        Text.assemble(("Undo of attempt ", "bold"), styled(attempt.id, "bold")),
        styled(attempt.plan_digest, "dim"),
    ]
    for step in reversed(attempt.steps):
        parts.append(Text.assemble(styled(step.action, "bold cyan"), " ", styled(step.target)))
        if whole := next((o for o in step.undo_operations if o.path == ""), None):
            body = _whole(whole.value) if whole.value is not None else styled("- what was made is deleted", "red")
        elif step.undo_possible:
            applied = [FieldValue(path=o.path, value=o.value) for o in step.operations if o.op is not Op.REMOVE]
            body = _changed_lines(changes(step.undo_operations, applied))
        else:
            body = Text("cannot be undone; it stays as it is", style="yellow")
        parts.append(Padding(body, (0, 0, 0, 3), expand=False))
    return Group(*parts)


def changes(operations: Sequence[Operation], pre_image: Sequence[FieldValue]) -> list[Change]:
    """The fields that the operations would change, smallest differing parts first to last.

    A field without a pre-image is shown as absent before.
    """
    before = {field.path: field.value for field in pre_image}
    found: list[Change] = []
    for operation in operations:
        old = before.get(operation.path)
        new = None if operation.op is Op.REMOVE else operation.value
        found += _differences(_dotted(operation.path), _parsed(old), _parsed(new))
    return found


def _writes(step: Step) -> RenderableType:
    if step.action is ActionName.GITOPS_PROPOSAL:
        told = Text("nothing is written; make the change in git (kubectl incident proposal)", style="dim")
        return Group(_changed_lines(changes(step.operations, step.pre_image)), told)
    if step.verb is Verb.NONE:
        return Text("nothing is written; people are asked", style="dim")
    if step.verb in (Verb.DELETE, Verb.EVICT):
        done = "evicted" if step.verb is Verb.EVICT else "deleted"
        return styled(f"- the object {step.target} (uid {step.target.uid or 'not pinned'}) is {done}", "red")
    if step.verb is Verb.CREATE:
        return _whole(step.operations[0].value if step.operations else None)
    return _changed_lines(changes(step.operations, step.pre_image))


def _whole(text: str | None) -> RenderableType:
    """An object that is made, as a person would write it."""
    lines = yaml.safe_dump(_parsed(text) if text is not None else {}, sort_keys=True, width=70).splitlines()
    more = [styled(f"… {len(lines) - MAX_CHANGES} more lines; see them with -o yaml", "yellow")]
    shown = [styled(f"+ {line}", "green", 400) for line in lines[:MAX_CHANGES]]
    return Group(*shown, *(more if len(lines) > MAX_CHANGES else []))


def _changed_lines(found: Sequence[Change]) -> RenderableType:
    lines = []
    for change in found[:MAX_CHANGES]:
        lines.append(styled(change.path, "bold"))
        if change.before is not None:
            lines.append(styled(f"- {change.before}", "red", 400))
        if change.after is not None:
            lines.append(styled(f"+ {change.after}", "green", 400))
    if len(found) > MAX_CHANGES:
        lines.append(styled(f"… {len(found) - MAX_CHANGES} more fields; see them with -o yaml", "yellow"))
    return Group(*lines) if lines else Text("nothing would change", style="dim")


class _Absent:
    """No field."""


_Json = Any


def _parsed(text: str | None) -> _Json:
    if text is None:
        return _Absent()
    try:
        return json.loads(text)
    except ValueError:
        return text


def _differences(path: str, old: _Json, new: _Json) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(_joined(path, key), old.get(key, _Absent()), new.get(key, _Absent()))
    elif isinstance(old, list) and isinstance(new, list):
        names = _names(old) if _names(old) == _names(new)[: len(_names(old))] else []
        for index in range(max(len(old), len(new))):
            label = names[index] if index < len(names) else str(index)
            yield from _differences(
                f"{path}[{label}]",
                old[index] if index < len(old) else _Absent(),
                new[index] if index < len(new) else _Absent(),
            )
    elif isinstance(old, _Absent) or isinstance(new, _Absent) or old != new or type(old) is not type(new):
        yield Change(path, _written(old), _written(new))


def _names(items: list[_Json]) -> list[str]:
    """Names of list entries, as in containers; empty when they cannot serve as labels."""
    names = [item["name"] for item in items if isinstance(item, dict) and isinstance(item.get("name"), str)]
    return names if len(set(names)) == len(items) else []


def _written(value: _Json) -> str | None:
    return None if isinstance(value, _Absent) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _dotted(pointer: str) -> str:
    path = ""
    for part in pointer.split("/")[1:]:
        path = _joined(path, part.replace("~1", "/").replace("~0", "~"))
    return path


def _joined(path: str, key: str) -> str:
    if key.isdigit() or key == "-":
        return f"{path}[{key}]"
    if any(char in key for char in './[]"'):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
