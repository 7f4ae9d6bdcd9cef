"""Whole objects that a step makes or deletes: named and marked so that none is made twice."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from incident_commander.actions.fields import encode
from incident_commander.api.meta import format_time
from incident_commander.api.names import ANNOTATION_MADE_BY
from incident_commander.api.plan import Op, Operation
from incident_commander.evidence import fields
from incident_commander.ports import Object

WHOLE = ""
"""The JSON Pointer of a whole document (RFC 6901)."""
MANAGED_BY = {"app.kubernetes.io/managed-by": "incident-commander"}
_SERVER_OWNED = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NAME_LENGTH = 63


def mark_of(target: Object, issued_at: datetime, step_name: str) -> str:
    """What tells this step of this plan from every other: the same whenever it is computed again."""
    parts = (fields.text(target, "metadata", "uid"), format_time(issued_at), step_name)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:10]


def name_of(base: str, mark: str) -> str:
    """A name that is made of the mark, so that the API server itself refuses a second object of the step."""
    return f"{base[: _NAME_LENGTH - len(mark) - 1].rstrip('-.')}-{mark}"


def marked(body: Mapping[str, Any], mark: str) -> Object:
    """The object with the step's mark."""
    made = copy.deepcopy(dict(body))
    annotations = made["metadata"].setdefault("annotations", {})
    annotations[ANNOTATION_MADE_BY] = mark
    return made


def sanitized(obj: Object) -> Object:
    """What somebody would write to make the object anew: without status and what the server fills in."""
    made: Object = {key: copy.deepcopy(value) for key, value in obj.items() if key != "status"}
    for field in _SERVER_OWNED:
        made["metadata"].pop(field, None)
    annotations = made["metadata"].get("annotations", {})
    annotations.pop(_LAST_APPLIED, None)
    if not annotations:
        made["metadata"].pop("annotations", None)
    return made


def make(obj: Object) -> Operation:
    """The operation that makes a whole object. Raises ``Refusal`` (``FieldTooLarge``)."""
    return Operation(op=Op.ADD, path=WHOLE, value=encode(obj, "the object"))


def remove() -> Operation:
    """The operation that deletes the target."""
    return Operation(op=Op.REMOVE, path=WHOLE)
