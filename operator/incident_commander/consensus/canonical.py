"""Canonical JSON: equal values have equal bytes, so that a digest or a signature binds a value.

A subset of RFC 8785 (JCS): no floats at all, keys sorted by UTF-16 code units, no white space, UTF-8.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

_SAFE = 2**53 - 1


def canonical_json(value: Any) -> bytes:
    """Canonical bytes of a JSON value.

    Raises ``ValueError`` for what has no canonical form here: floats, integers outside of ±(2^53-1),
    keys that are not strings, lone surrogates, other types.
    """
    return json.dumps(_ordered(value, "$"), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def canonical_text(value: Any) -> str:
    """The same as text."""
    return canonical_json(value).decode("utf-8")


def digest(value: Any) -> str:
    """``sha256:`` and the hex SHA-256 of the canonical bytes."""
    return "sha256:" + hashlib.sha256(canonical_json(value)).hexdigest()


def _ordered(value: Any, path: str) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if not -_SAFE <= value <= _SAFE:
            raise ValueError(f"{path}: integer {value} is outside of the safe range of JSON")
        return value
    if isinstance(value, (list, tuple)):
        return [_ordered(item, f"{path}[{n}]") for n, item in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"{path}: key {key!r} is not a string")
        return {key: _ordered(value[key], f"{path}.{key}") for key in sorted(value, key=_utf16)}
    raise ValueError(f"{path}: {type(value).__name__} has no canonical form")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")
