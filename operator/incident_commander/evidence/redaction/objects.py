"""Kubernetes objects without their secrets: by the names of variables and keys, and by what texts look like."""

from __future__ import annotations

import re
from typing import Any

from incident_commander.api.kinds import CONFIG_MAP, SECRET, Kind
from incident_commander.evidence import fields
from incident_commander.evidence.redaction.patterns import SECRET_NAME
from incident_commander.evidence.redaction.redactor import Redactor
from incident_commander.evidence.trim import edits
from incident_commander.ports import Object

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_IDENTITY = frozenset({"apiVersion", "kind", "uid", "resourceVersion", "creationTimestamp", "image", "imageID", "name"})
"""Fields whose texts are never secrets, and would be missed. ``caBundle`` is public, and long."""
_HARMLESS = re.compile(r"|true|false|null|none|\d{1,6}|/[\w./-]*|\$\([\w.-]+\)", re.IGNORECASE)
"""Values of a variable such as ``TOKEN_ENABLED``: nothing, a switch, a small number, a path, a reference."""


def redact_object(kind: Kind, obj: Object, redactor: Redactor) -> Object:
    """A copy that may leave the cluster.

    Of ``managedFields`` who wrote and when is kept, and the last-applied annotation is not. Of a Secret, type,
    names and keys are kept and each value becomes a tag; so do values of variables, ConfigMap keys and annotations
    whose names say that they are secret. All other texts are searched.
    """
    meta = dict(fields.mapping(obj, "metadata"))
    if "managedFields" in meta:
        meta["managedFields"] = edits(obj)
    annotations = fields.mapping(meta, "annotations")
    if annotations:
        kept = {} if kind == SECRET else {k: v for k, v in annotations.items() if k != _LAST_APPLIED}
        meta["annotations"] = _named(kept, redactor)
    cleaned: Object = {**obj, "metadata": meta}
    if kind == SECRET:
        return _without_values(cleaned, redactor)
    if kind == CONFIG_MAP:
        data, binary = fields.mapping(obj, "data"), fields.mapping(obj, "binaryData")
        rest = {k: v for k, v in cleaned.items() if k not in ("data", "binaryData")}
        found: Object = _walk(rest, redactor)
        if data:
            found["data"] = _named(data, redactor)
        if binary:
            found["binaryData"] = {k: redactor.hide(str(v), "binary") for k, v in binary.items()}
        return found
    walked: Object = _walk(cleaned, redactor)
    return walked


def redact_value(value: Any, redactor: Redactor) -> Any:
    """Any JSON value, all of whose texts are searched."""
    return _walk(value, redactor)


def holds_secret(name: str, value: str) -> bool:
    """Whether a variable or key of that name, with that value, holds a secret."""
    return SECRET_NAME.search(name) is not None and _HARMLESS.fullmatch(value.strip()) is None


def _without_values(secret: Object, redactor: Redactor) -> Object:
    kept: Object = {
        key: secret[key] for key in ("apiVersion", "kind", "metadata", "type", "immutable") if key in secret
    }
    values = {**fields.mapping(secret, "data"), **fields.mapping(secret, "stringData")}
    return {**kept, "data": {key: redactor.hide(str(value), "secret") for key, value in values.items()}}


def _named(entries: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    return {
        key: redactor.hide(value, "named")
        if isinstance(value, str) and holds_secret(str(key), value)
        else _walk(value, redactor)
        for key, value in entries.items()
    }


def _walk(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return _searched(value, redactor)
    if isinstance(value, list):
        return [
            redactor.hide(item, "named") if _follows_flag(value, place) else _walk(item, redactor)
            for place, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    name, held = value.get("name"), value.get("value")
    if isinstance(name, str) and isinstance(held, str) and holds_secret(name, held):
        # An environment variable, an HTTP header of a probe, a parameter.
        value = {**value, "value": redactor.hide(held, "named")}
    return {
        key: below if key in _IDENTITY and isinstance(below, str) else _walk(below, redactor)
        for key, below in value.items()
    }


def _follows_flag(arguments: list[Any], place: int) -> bool:
    """Whether an argument is the value of a flag such as ``--password`` before it."""
    flag, value = arguments[place - 1] if place else None, arguments[place]
    if not isinstance(flag, str) or not isinstance(value, str) or not flag.startswith("-") or "=" in flag:
        return False
    return not value.startswith("-") and holds_secret(flag.lstrip("-"), value)


def _searched(text: str, redactor: Redactor) -> str:
    if len(text) < 6:
        return text
    return "\n".join(redactor.lines(text.split("\n"))) if "\n" in text else redactor.text(text)
