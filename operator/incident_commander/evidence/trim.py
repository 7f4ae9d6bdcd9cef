"""What is kept of an object: nothing that nobody may see, nothing that nobody reads, the relevant first."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from typing import Any

from incident_commander.api.kinds import CONFIG_MAP, EVENT, POD, SECRET, Kind
from incident_commander.api.meta import TargetRef
from incident_commander.consensus.canonical import digest
from incident_commander.evidence import fields, pods
from incident_commander.evidence.routes import routes
from incident_commander.ports import Object

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MAX_EDITS = 20
_OF_SECRETS: tuple[str, ...] = ("apiVersion", "kind", "metadata", "type", "immutable")
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]{0,15}://)?(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::[0-9]{1,5})?/?"
)


def sound(obj: object) -> bool:
    """Whether something has the shape of an object: what the API server always sends, and a broken bundle may not."""
    if not isinstance(obj, dict) or not isinstance(meta := obj.get("metadata"), dict):
        return False
    named = isinstance(meta.get("name"), str) and 0 < len(meta["name"]) <= 253
    texts = all(isinstance(meta.get(key, ""), str) and len(meta.get(key, "")) <= 253 for key in ("namespace", "uid"))
    typed = all(isinstance(obj.get(key, ""), str) and len(obj.get(key, "")) <= 253 for key in ("apiVersion", "kind"))
    generation = meta.get("generation")
    parts = all(obj.get(key) is None or isinstance(obj[key], dict) for key in ("spec", "status"))
    return (
        named and texts and typed and parts and (generation is None or fields.integer(meta, "generation") is not None)
    )


def trim(kind: Kind, obj: Object, services: Collection[str]) -> Object:
    """A copy that may be kept as evidence.

    Of ``managedFields`` who wrote and when is kept, and the last-applied annotation is not. Values of a ConfigMap
    become their digests, followed by the routes that they hold (``evidence.routes``); one that is nothing but the
    address of one of ``services`` is kept: that shows who depends on whom. Of a Secret, names, type and keys are kept.
    """
    meta = dict(fields.mapping(obj, "metadata"))
    if "managedFields" in meta:
        meta["managedFields"] = edits(obj)
    annotations = fields.mapping(meta, "annotations")
    if kind == SECRET:
        meta.pop("annotations", None)
        return _without_values({**obj, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta})
    if _LAST_APPLIED in annotations:
        meta["annotations"] = {k: v for k, v in annotations.items() if k != _LAST_APPLIED}
    kept: Object = {"apiVersion": kind.api_version, "kind": kind.kind, **obj, "metadata": meta}
    if kind == CONFIG_MAP:
        for part in ("data", "binaryData"):
            if part in kept:
                kept[part] = {k: _hidden(v, services) for k, v in fields.mapping(obj, part).items()}
    return kept


def edits(obj: Object) -> list[dict[str, str]]:
    """Who wrote fields of an object, and when; not which."""
    keys = ("manager", "operation", "time", "subresource")
    entries = fields.items(obj, "metadata", "managedFields")[:_MAX_EDITS]
    return [{key: text for key in keys if (text := fields.text(entry, key)[:253])} for entry in entries]


def _without_values(secret: Object) -> Object:
    kept: Object = {key: secret[key] for key in _OF_SECRETS if key in secret}
    names = [*fields.mapping(secret, "data"), *fields.mapping(secret, "stringData")]
    return {**kept, "data": dict.fromkeys(names, "")}


def relevant_first(kind: Kind, objects: Sequence[Object], target: TargetRef | None) -> list[Object]:
    """The order in which objects are kept when there are too many: the target's, sick pods, newest events."""
    stem = target.name if target is not None else ""

    def rank(obj: Object) -> tuple[bool, bool, str]:
        if kind == EVENT:
            about = fields.text(obj, "involvedObject", "name")
            return not (stem and about.startswith(stem)), False, _inverted(event_time(obj))
        sick = kind == POD and not pods.ready(obj)
        return not (stem and fields.name(obj).startswith(stem)), not sick, ""

    return sorted(objects, key=rank)


def event_time(event: Object) -> str:
    """When an event was last seen, as written (RFC 3339 in UTC sorts as text)."""
    for path in (("series", "lastObservedTime"), ("lastTimestamp",), ("eventTime",), ("firstTimestamp",)):
        if written := fields.text(event, *path):
            return written
    return fields.text(event, "metadata", "creationTimestamp")


def size_of(obj: Object) -> int:
    """Bytes of the object as JSON, about."""
    return len(json.dumps(obj, default=str))


def _hidden(value: Any, services: Collection[str]) -> str:
    text = value if isinstance(value, str) else ""
    found = _ADDRESS.fullmatch(text) if len(text) <= 300 else None
    if found is not None and found["host"].split(".", 1)[0] in services:
        return text
    hidden = digest(text.encode("utf-8", "replace").decode("utf-8"))
    return "\n".join([hidden, *routes(text)])


def _inverted(written: str) -> str:
    """Sorts the other way round than ``written``."""
    return "".join(chr(0x10FFFF - ord(c)) for c in written[:40])
