"""Whether the installed CRDs know every field that this version writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from incident_commander.ports import Object


def missing_fields(installed: Sequence[Object], shipped: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """``incidents.spec.undo`` and the like: of the shipped CRDs, and not of the installed ones.

    ``shipped``: the schema of each, by the name of its CRD.
    """
    there = {(crd.get("metadata") or {}).get("name"): set(_paths(crd)) for crd in installed}
    return [
        f"{name.partition('.')[0]}{path}"
        for name, schema in shipped.items()
        for path in _below(schema, "")
        if path not in there.get(name, set())
    ]


def _paths(crd: Object) -> Iterator[str]:
    for version in (crd.get("spec") or {}).get("versions") or []:
        yield from _below((version.get("schema") or {}).get("openAPIV3Schema") or {}, "")


def _below(schema: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, inner in (schema.get("properties") or {}).items():
        here = f"{path}.{name}"
        yield here
        if isinstance(inner, dict):
            yield from _below(inner, here)
    items = schema.get("items")
    if isinstance(items, dict):
        yield from _below(items, f"{path}[]")
