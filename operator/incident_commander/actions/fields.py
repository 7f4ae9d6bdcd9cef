"""Fields of objects by JSON Pointer (RFC 6901): read them, change them, remember what stood there."""

from __future__ import annotations

import copy
import enum
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import jsonpointer

from incident_commander.api.plan import FieldValue, Op, Operation
from incident_commander.api.quantity import parse_quantity
from incident_commander.consensus.canonical import canonical_text
from incident_commander.errors import Refusal
from incident_commander.ports import Object

MAX_VALUE = 32_768
"""Characters of canonical JSON that one field of a plan may hold (bound of the resource's schema)."""


class Absent(enum.Enum):
    """Tells a field that is not there from one that is null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


def pointer(*tokens: str | int) -> str:
    """The JSON Pointer of that path."""
    return "".join("/" + jsonpointer.escape(str(token)) for token in tokens)


def parent(path: str) -> str:
    """The pointer one level up."""
    return path.rsplit("/", 1)[0]


def read(obj: object, path: str) -> object:
    """What stands at the path, or ``ABSENT``."""
    return jsonpointer.resolve_pointer(obj, path, ABSENT)


def field_value(obj: Object, path: str) -> FieldValue:
    """The field as a pre-image records it.

    Raises ``Refusal`` (``FieldTooLarge``) when it does not fit into a plan.
    """
    found = read(obj, path)
    return FieldValue(path=path, value=None if found is ABSENT else encode(found, path))


def encode(value: object, path: str) -> str:
    """Canonical JSON text of a value for a plan.

    Raises ``Refusal``: ``FieldTooLarge``, or ``FieldNotRepresentable`` (a float has no canonical form).
    """
    try:
        text = canonical_text(value)
    except ValueError as error:
        raise Refusal("FieldNotRepresentable", f"{path} cannot be recorded exactly: {error}") from error
    if len(text) > MAX_VALUE:
        raise Refusal(
            "FieldTooLarge",
            f"{path} is {len(text)} characters long; a plan records at most {MAX_VALUE}, so change it by hand",
        )
    return text


def decode(text: str | None) -> object:
    """The value of a recorded field; None (no text) is ``ABSENT``."""
    return ABSENT if text is None else json.loads(text)


@dataclass(frozen=True, slots=True)
class Changes:
    """Operations on disjoint paths, what stood at these paths, and the operations that restore it."""

    operations: list[Operation]
    pre_image: list[FieldValue]
    undo: list[Operation]


def changes(obj: Object, values: Mapping[str, object]) -> Changes:
    """What to do so that each path holds its value, or is gone where the value is ``ABSENT``.

    A parent that does not exist is added together with its child. Paths that already hold their value are
    left out. Raises ``Refusal`` as ``encode`` does.
    """
    wanted: dict[str, object] = {}
    for path, value in values.items():
        if same(path, read(obj, path), value):
            continue
        at = path
        while value is not ABSENT and parent(at) and read(obj, parent(at)) in (ABSENT, None):
            at = parent(at)
        if at == path:
            wanted[path] = value
            continue
        _plant(wanted.setdefault(at, {}), path[len(at) :], value)
    pre_image = [field_value(obj, path) for path in wanted]
    operations = [_operation(path, value, old) for (path, value), old in zip(wanted.items(), pre_image, strict=True)]
    return Changes(operations, pre_image, undo_operations(operations, pre_image))


def _operation(path: str, value: object, old: FieldValue) -> Operation:
    if value is ABSENT:
        return Operation(op=Op.REMOVE, path=path)
    return Operation(op=Op.ADD if old.value is None else Op.REPLACE, path=path, value=encode(value, path))


def _plant(branch: object, path: str, value: object) -> None:
    tokens = [jsonpointer.unescape(t) for t in path.split("/")[1:]]
    for token in tokens[:-1]:
        if not isinstance(branch, dict):
            raise TypeError(f"{path} leads through a value that is not an object")
        branch = branch.setdefault(token, {})
    if not isinstance(branch, dict):
        raise TypeError(f"{path} leads through a value that is not an object")
    branch[tokens[-1]] = copy.deepcopy(value)


def undo_operations(operations: Sequence[Operation], pre_image: Sequence[FieldValue]) -> list[Operation]:
    """Operations that bring the pre-image of each written path back."""
    before = {field.path: field.value for field in pre_image}
    undo = []
    for operation in reversed(operations):
        old = before[operation.path]
        if old is None:
            undo.append(Operation(op=Op.REMOVE, path=operation.path))
        else:
            op = Op.ADD if operation.op is Op.REMOVE else Op.REPLACE
            undo.append(Operation(op=op, path=operation.path, value=old))
    return undo


def same(path: str, one: object, other: object) -> bool:
    """Whether two values of that field mean the same to the API server.

    Null members mean absent (a pod template's ``creationTimestamp``), and quantities below ``resources``
    are compared as numbers: the API server stores ``1000m`` as ``1``.
    """
    return _same(one, other, quantities="/resources" in path)


def _same(one: object, other: object, *, quantities: bool) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = {k for k, v in one.items() if v is not None} | {k for k, v in other.items() if v is not None}
        return all(_same(one.get(k), other.get(k), quantities=quantities or k == "resources") for k in keys)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(
            _same(a, b, quantities=quantities) for a, b in zip(one, other, strict=True)
        )
    if quantities and isinstance(one, str) and isinstance(other, str):
        try:
            return parse_quantity(one) == parse_quantity(other)
        except ValueError:
            return one == other
    # True equals 1 in Python, not in JSON.
    return type(one) is type(other) and one == other
