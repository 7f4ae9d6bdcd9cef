"""From a step to the one request that carries it out, and from its record to the one that takes it back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from incident_commander.actions.fields import decode
from incident_commander.actions.json_patch import (
    already_applied,
    already_undone,
    is_target,
    json_patch,
    require_target,
    undo_patch,
)
from incident_commander.api import kinds
from incident_commander.api.incident import StepRecord
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef
from incident_commander.api.names import ANNOTATION_MADE_BY
from incident_commander.api.plan import Op, Operation, Step, Verb
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.ports import Object


@dataclass(frozen=True, slots=True)
class Address:
    """Where an object is, or would be."""

    kind: Kind
    namespace: str | None
    name: str

    def __str__(self) -> str:
        """``Kind/namespace/name``."""
        return "/".join(part for part in (self.kind.kind, self.namespace, self.name) if part)


@dataclass(frozen=True, slots=True)
class Write:
    """One request. ``body`` is a JSON Patch or the object to create; UID and resourceVersion are preconditions."""

    verb: Verb
    at: Address
    body: Any = None
    subresource: str | None = None
    uid: str | None = None
    resource_version: str | None = None


def address(target: TargetRef) -> Address:
    """Where a target is. Raises ``Refusal`` (``KindUnknown``)."""
    kind = kinds.kind_of(target.api_version, target.kind)
    if kind is None:
        raise Refusal("KindUnknown", f"{target}: {target.api_version} {target.kind} is not a kind of the catalogue")
    return Address(kind, target.namespace if kind.namespaced else None, target.name)


def shows(step: Step | StepRecord) -> Address:
    """The object that shows whether the step was carried out: the target, or what the step makes."""
    return _address_of(_object(step.operations)) if step.verb is Verb.CREATE else address(step.target)


def to_do(step: Step, current: Object) -> Write:
    """The request that carries the step out on ``current``, its target, and on no other version of it.

    Raises ``Refusal``: ``TargetReplaced``, ``PreImageChanged``. Raises ``ValueError`` for a step that writes nothing.
    """
    if step.verb is Verb.PATCH:
        return Write(Verb.PATCH, address(step.target), json_patch(step, current), step.subresource)
    require_target(step, current)
    if step.verb is Verb.CREATE:
        return Write(Verb.CREATE, shows(step), _object(step.operations))
    if step.verb in (Verb.DELETE, Verb.EVICT):
        uid, version = (fields.text(current, "metadata", key) for key in ("uid", "resourceVersion"))
        return Write(step.verb, address(step.target), uid=uid, resource_version=version)
    raise ValueError(f"step {step.name} writes nothing")


def is_done(step: Step | StepRecord, found: Object | None) -> bool:
    """Whether what stands at ``shows(step)`` (None: nothing) is what the step makes of it."""
    if step.verb is Verb.CREATE:
        return found is not None and _ours(_object(step.operations), found)
    if step.verb in (Verb.DELETE, Verb.EVICT):
        gone = found is None or not is_target(step, found)
        return gone or bool(fields.text(found, "metadata", "deletionTimestamp"))
    return found is not None and already_applied(step, found)


def is_undone(record: StepRecord, found: Object | None) -> tuple[str, str] | None:
    """Reason and message when there is nothing (more) to take back of a recorded step, else None."""
    if record.verb is Verb.EVICT or (record.verb is Verb.DELETE and not record.undo_operations):
        return "NothingToUndo", "its controller has made it anew"
    if record.verb is Verb.DELETE:
        if found is None:
            return None
        if is_target(record, found) and record.target.uid:
            return "Undone", "it was not deleted"
        if _ours(_object(record.undo_operations), found):
            return "Undone", "it was made again"
        return "TargetReplaced", "somebody has made it again"
    if record.verb is Verb.CREATE:
        made = shows(record)
        if found is None or fields.text(found, "metadata", "deletionTimestamp"):
            return "Undone", f"{made} is gone"
        return None if _ours(_object(record.operations), found) else ("TargetReplaced", f"{made} is another object now")
    if found is None:
        return "TargetDeleted", "it does not exist any more"
    if not is_target(record, found):
        return "TargetReplaced", "it is another object now"
    return ("Undone", "shows the values from before") if already_undone(record, found) else None


def to_undo(record: StepRecord, found: Object | None) -> Write:
    """The request that takes a recorded step back, given what stands at ``shows(record)``.

    Raises ``Refusal``: ``NotUndoable``, ``ChangedSince`` (somebody else changed it, so it is left alone).
    """
    if not record.undo_possible:
        raise Refusal("NotUndoable", "this action has no undo")
    at = shows(record)
    if record.verb is Verb.DELETE:
        return Write(Verb.CREATE, at, _object(record.undo_operations))
    if found is None:
        raise ValueError(f"{at} does not exist")
    if record.verb is Verb.CREATE:
        generation = fields.integer(found, "metadata", "generation")
        if record.result_generation is not None and generation != record.result_generation:
            raise Refusal("ChangedSince", f"{at} was changed since it was made, so it is left alone; decide by hand")
        # Not its resourceVersion: controllers write its status all the time.
        return Write(Verb.DELETE, at, uid=fields.text(found, "metadata", "uid"))
    return Write(Verb.PATCH, at, undo_patch(record, found), record.subresource)


def _object(operations: list[Operation]) -> Object:
    """The whole object that a Create makes."""
    made = next((op for op in operations if op.op is Op.ADD and op.path == ""), None)
    value = decode(made.value) if made is not None else None
    if not isinstance(value, dict):
        raise Refusal("NotAnObject", "the step does not say which object it makes")
    return value


def _address_of(obj: Object) -> Address:
    meta = obj.get("metadata", {})
    ref = TargetRef(
        api_version=str(obj.get("apiVersion")),
        kind=str(obj.get("kind")),
        namespace=meta.get("namespace"),
        name=str(meta.get("name")),
    )
    return address(ref)


def _ours(wanted: Object, found: Object) -> bool:
    """Whether the object that stands there is the one that we made: it carries the mark of this step."""
    mark = fields.text(wanted, "metadata", "annotations", ANNOTATION_MADE_BY)
    return bool(mark) and fields.text(found, "metadata", "annotations", ANNOTATION_MADE_BY) == mark
