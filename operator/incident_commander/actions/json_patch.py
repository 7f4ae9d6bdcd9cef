"""From a Patch step to the JSON Patch that the API server is sent, and back again.

The patch starts with ``test`` operations: UID, resourceVersion, and each pre-image field. RFC 6902 cannot
test that a field is absent; here that is checked on ``current``, and the test of the resourceVersion makes
sure that the API server applies the patch to exactly this ``current``.
"""

from __future__ import annotations

from collections.abc import Sequence

from incident_commander.actions.fields import ABSENT, decode, pointer, read, same
from incident_commander.api.incident import StepRecord
from incident_commander.api.plan import Op, Operation, Step, Verb
from incident_commander.errors import Refusal
from incident_commander.ports import Object

JSONPatch = list[dict[str, object]]


def json_patch(step: Step, current: Object) -> JSONPatch:
    """The patch that carries out the step on ``current`` and on no other version of it.

    Raises ``Refusal``: ``TargetReplaced`` (another UID), ``PreImageChanged`` (a field is not what the plan
    was made for). Raises ``ValueError`` for a step that is not a patch.
    """
    if step.verb is not Verb.PATCH:
        raise ValueError(f"step {step.name} is a {step.verb}, not a patch")
    require_target(step, current)
    for field in step.pre_image:
        if not same(field.path, read(current, field.path), decode(field.value)):
            raise Refusal(
                "PreImageChanged",
                f"{step.target}: {field.path} is {_shown(current, field.path)}, the plan was made for"
                f" {field.value or 'no such field'}; a new plan is needed",
            )
    paths = [field.path for field in step.pre_image]
    return [*_tests(current, paths), *map(_operation, step.operations)]


def undo_patch(record: StepRecord, current: Object) -> JSONPatch:
    """The patch that takes a recorded step back. Only what still is our value is overwritten.

    Raises ``Refusal``: ``NotUndoable``, ``TargetReplaced``, or ``ChangedSince`` when somebody else changed
    one of the fields since.
    """
    if not record.undo_possible or record.verb is not Verb.PATCH:
        raise Refusal("NotUndoable", f"{record.action} on {record.target} has no undo")
    require_target(record, current)
    changed = next((op for op in record.operations if not _holds(op, current)), None)
    if changed is not None and not _untouched_since(record, current):
        wanted = ABSENT if changed.op is Op.REMOVE else decode(changed.value)
        path, found, written = _difference(changed.path, read(current, changed.path), wanted)
        raise Refusal(
            "ChangedSince",
            f"{record.target}: {path} is {_text(found)}, {_text(written)} was written; somebody else changed it since, "
            "so it is left alone. Compare with status.execution and decide by hand",
        )
    operations = {op.path for op in record.operations}
    pins = [f for f in record.pre_image if f.path not in operations]
    for pin in pins:
        if not same(pin.path, read(current, pin.path), decode(pin.value)):
            raise Refusal(
                "ChangedSince",
                f"{record.target}: {pin.path} is {_shown(current, pin.path)}, it was {pin.value}; the recorded fields"
                " may belong to something else now, so they are left alone",
            )
    present = [p for p in (*(f.path for f in pins), *sorted(operations)) if read(current, p) is not ABSENT]
    return [*_tests(current, present), *map(_operation, record.undo_operations)]


def already_applied(step: Step | StepRecord, current: Object) -> bool:
    """Whether every field holds what the step writes. False for a step that writes no field."""
    if step.verb is not Verb.PATCH or not step.operations or not is_target(step, current):
        return False
    return all(_holds(op, current) for op in step.operations) and _pinned(step, current)


def already_undone(record: StepRecord, current: Object) -> bool:
    """Whether every field holds what stood there before the step. False for a step that writes no field."""
    if record.verb is not Verb.PATCH or not record.operations or not is_target(record, current):
        return False
    return all(same(f.path, read(current, f.path), decode(f.value)) for f in record.pre_image)


def _pinned(step: Step | StepRecord, current: Object) -> bool:
    written = {op.path for op in step.operations}
    return all(same(f.path, read(current, f.path), decode(f.value)) for f in step.pre_image if f.path not in written)


def _holds(operation: Operation, current: Object) -> bool:
    found = read(current, operation.path)
    if operation.op is Op.REMOVE:
        return found is ABSENT
    return same(operation.path, found, decode(operation.value))


def _untouched_since(record: StepRecord, current: Object) -> bool:
    """The spec has not changed since our write: what differs, admission changed in that same write."""
    generation = current.get("metadata", {}).get("generation")
    return record.result_generation is not None and generation == record.result_generation


def is_target(step: Step | StepRecord, current: Object) -> bool:
    """Whether it is the incarnation that the step is for."""
    return step.target.uid is None or current.get("metadata", {}).get("uid") == step.target.uid


def require_target(step: Step | StepRecord, current: Object) -> None:
    """Raises ``Refusal`` (``TargetReplaced``) for another incarnation."""
    if not is_target(step, current):
        uid = current.get("metadata", {}).get("uid")
        raise Refusal("TargetReplaced", f"{step.target} is another object now (UID {uid}, was {step.target.uid})")


def _tests(current: Object, paths: Sequence[str]) -> JSONPatch:
    meta = current.get("metadata", {})
    if not meta.get("uid") or not meta.get("resourceVersion"):
        raise Refusal("TargetUnreadable", "the object carries no UID or no resourceVersion for the precondition")
    found = [(path, read(current, path)) for path in ["/metadata/uid", "/metadata/resourceVersion", *paths]]
    return [{"op": "test", "path": path, "value": value} for path, value in found if value is not ABSENT]


def _operation(operation: Operation) -> dict[str, object]:
    out: dict[str, object] = {"op": operation.op.value, "path": operation.path}
    if operation.op is not Op.REMOVE:
        out["value"] = decode(operation.value)
    return out


def _shown(current: Object, path: str) -> str:
    return _text(read(current, path))


def _text(value: object) -> str:
    return "absent" if value is ABSENT else str(value)[:120]


def _difference(path: str, found: object, wanted: object) -> tuple[str, object, object]:
    """The first place below where they differ, with what stands there in each."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        children: list[str | int] = sorted({*found, *wanted})
        pairs = [(key, found.get(key, ABSENT), wanted.get(key, ABSENT)) for key in children]
    elif isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        pairs = [(place, *both) for place, both in enumerate(zip(found, wanted, strict=True))]
    else:
        return path, found, wanted
    for key, mine, theirs in pairs:
        below = path + pointer(key)
        if not same(below, mine, theirs):
            return _difference(below, mine, theirs)
    return path, found, wanted
