"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386), failing as a kube-apiserver fails."""

from __future__ import annotations

from typing import Any

import jsonpatch
import jsonpointer

from incident_commander import errors
from incident_commander.ports import Object, PatchType
from incident_commander.rehearsal.objects import copy_json

_MAX_OPERATIONS = 10_000
_REJECTED = "the server rejected our request due to an error in our request"


def apply_patch(obj: Object, body: Any, patch_type: PatchType) -> Object:
    """The patched copy. Raises ``Conflict`` for a JSON Patch with tests that does not apply, else ``Invalid``."""
    if patch_type is PatchType.MERGE:
        if not isinstance(body, dict):
            raise errors.Invalid("a merge patch must be an object", status=400, reason="BadRequest")
        merged: Object = merge(obj, body)
        return merged
    return _apply_operations(obj, body)


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces. Neither argument is changed."""
    if not isinstance(patch, dict):
        return copy_json(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def _apply_operations(obj: Object, body: Any) -> Object:
    if not isinstance(body, list) or not all(isinstance(operation, dict) for operation in body):
        raise errors.Invalid("a JSON Patch must be a list of operations", status=400, reason="BadRequest")
    if len(body) > _MAX_OPERATIONS:
        raise errors.Invalid(f"a JSON Patch may have {_MAX_OPERATIONS} operations", status=413, reason="TooLarge")
    guarded = any(operation.get("op") == "test" for operation in body)
    result = copy_json(obj)
    try:
        for operation in body:
            if not _tests_absence(result, operation):
                result = jsonpatch.JsonPatch([operation]).apply(result, in_place=True)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        if guarded:
            raise errors.Conflict(f"{_REJECTED} ({error})", status=422, reason="PreconditionFailed") from error
        raise errors.Invalid(f"{_REJECTED} ({error})") from error
    if not isinstance(result, dict):
        raise errors.Invalid("the patched object is not an object", status=400, reason="BadRequest")
    return result


def _tests_absence(obj: Object, operation: dict[str, Any]) -> bool:
    """``test`` for null holds for a key that is absent (evanphx/json-patch, which kube-apiserver uses)."""
    if operation.get("op") != "test" or operation.get("value") is not None:
        return False
    pointer = jsonpointer.JsonPointer(str(operation.get("path", "")))
    parent, last = pointer.to_last(obj)
    return isinstance(parent, dict) and last not in parent
