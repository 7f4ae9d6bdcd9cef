"""Structural schemas of the project's own CRDs: pruning, defaults and validation as apiextensions does them.

CEL rules (``x-kubernetes-validations``) are not evaluated; the functional tests hold a real API server to those.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from incident_commander import errors
from incident_commander.ports import Object

Schema = Mapping[str, Any]
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def crd_folder() -> Path:
    """Where the CRDs are: in the installed package, else in the source tree. Raises ``ConfigurationError``."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "data" / "crds", package.parents[1] / "crds"):
        if folder.is_dir():
            return folder
    raise errors.ConfigurationError(f"no CRDs: neither {package / 'data' / 'crds'} nor the source tree has them")


@cache
def schemas() -> Mapping[str, Schema]:
    """The schema of each CRD by ``Kind.resource``, read once."""
    found: dict[str, Schema] = {}
    for file in sorted(crd_folder().glob("*.yaml")):
        for crd in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if crd and crd.get("kind") == "CustomResourceDefinition":
                spec = crd["spec"]
                found[f"{spec['names']['plural']}.{spec['group']}"] = spec["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def prune(value: Any, schema: Schema) -> None:
    """Remove what the schema does not know, and fill in its defaults, in place."""
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    if isinstance(value, dict):
        properties, extra = schema.get("properties", {}), schema.get("additionalProperties")
        for key in list(value):
            if key in properties:
                prune(value[key], properties[key])
            elif isinstance(extra, Mapping):
                prune(value[key], extra)
            elif not extra:
                del value[key]
        for key, inner in properties.items():
            if key not in value and "default" in inner:
                value[key] = json.loads(json.dumps(inner["default"]))
                prune(value[key], inner)
    elif isinstance(value, list):
        for item in value:
            prune(item, schema.get("items", {}))


def prune_object(obj: Object, schema: Schema) -> None:
    """The same for a whole object; metadata is not the schema's."""
    for key in list(obj):
        if key in ("apiVersion", "kind", "metadata"):
            continue
        inner = schema.get("properties", {}).get(key)
        if inner is None:
            del obj[key]
        else:
            prune(obj[key], inner)


def complaints(obj: Object, schema: Schema) -> Iterator[str]:
    """What the schema says against an object, in the API server's words."""
    for key, inner in schema.get("properties", {}).items():
        if key in ("apiVersion", "kind", "metadata"):
            continue
        if key in obj:
            yield from _check(obj[key], inner, key)
        elif key in schema.get("required", ()):
            yield f"{key}: Required value"


def _check(value: Any, schema: Schema, path: str) -> Iterator[str]:
    if value is None and schema.get("nullable"):
        return
    expected = schema.get("type", "")
    fits = isinstance(value, _TYPES.get(expected, (object,)))
    if not fits or (isinstance(value, bool) and expected in ("integer", "number")):
        yield f'{path}: Invalid value: "{type(value).__name__}": {path} in body must be of type {expected}'
        return
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(json.dumps(item) for item in schema["enum"])
        yield f"{path}: Unsupported value: {json.dumps(value)}: supported values: {supported}"
    if isinstance(value, str):
        yield from _text(value, schema, path)
    elif isinstance(value, (int, float)):
        yield from _number(value, schema, path)
    elif isinstance(value, list):
        yield from _items(value, schema, path)
    elif isinstance(value, dict):
        yield from _fields(value, schema, path)


def _text(value: str, schema: Schema, path: str) -> Iterator[str]:
    if len(value) > schema.get("maxLength", len(value)):
        yield f"{path}: Too long: may not be more than {schema['maxLength']} bytes"
    if len(value) < schema.get("minLength", 0):
        yield f'{path}: Invalid value: "{value}": {path} in body should be at least {schema["minLength"]} chars long'
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: Invalid value: {json.dumps(value)}: {path} in body should match '{schema['pattern']}'"


def _number(value: float, schema: Schema, path: str) -> Iterator[str]:
    if value < schema.get("minimum", value):
        yield f"{path}: Invalid value: {value}: {path} in body should be greater than or equal to {schema['minimum']}"
    if value > schema.get("maximum", value):
        yield f"{path}: Invalid value: {value}: {path} in body should be less than or equal to {schema['maximum']}"


def _items(value: list[Any], schema: Schema, path: str) -> Iterator[str]:
    if len(value) > schema.get("maxItems", len(value)):
        yield f"{path}: Too many: {len(value)}: must have at most {schema['maxItems']} items"
    if len(value) < schema.get("minItems", 0):
        yield f"{path}: Invalid value: {len(value)}: {path} in body should have at least {schema['minItems']} items"
    for number, item in enumerate(value):
        yield from _check(item, schema.get("items", {}), f"{path}[{number}]")
    keys = schema.get("x-kubernetes-list-map-keys", ())
    seen = [tuple(item.get(key) for key in keys) for item in value if isinstance(item, dict)] if keys else []
    for number, key in enumerate(seen):
        if key in seen[:number]:
            yield f"{path}[{number}]: Duplicate value: {json.dumps(dict(zip(keys, key, strict=True)))}"


def _fields(value: dict[str, Any], schema: Schema, path: str) -> Iterator[str]:
    if len(value) > schema.get("maxProperties", len(value)):
        yield f"{path}: Too many: {len(value)}: must have at most {schema['maxProperties']} items"
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{path}.{key}: Required value"
    properties, extra = schema.get("properties", {}), schema.get("additionalProperties")
    for key, item in value.items():
        inner = properties.get(key, extra)
        if isinstance(inner, Mapping):
            yield from _check(item, inner, f"{path}.{key}")
