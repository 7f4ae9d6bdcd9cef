"""A page for each kind: every field with type, bounds, default and meaning, and every rule of the API server's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``path`` is written as kubectl explain does, with ``[]`` for each of a list."""

    path: str
    type: str
    default: str
    required: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What the API server refuses to store beyond types and bounds (CEL)."""

    path: str
    message: str
    expression: str


def fields(schema: Schema, path: str = "", required: bool = False) -> Iterator[Field]:
    """The schema's fields, depth first, in the order in which the CRD has them."""
    if path:
        yield Field(path, _type(schema), _default(schema), required, _meaning(schema))
    inner = schema
    while inner.get("type") == "array":
        path, inner = f"{path}[]", inner["items"]
    if isinstance(inner.get("additionalProperties"), Mapping):
        path, inner = f"{path}.*", inner["additionalProperties"]
    for name, child in inner.get("properties", {}).items():
        if path or name not in ("apiVersion", "kind", "metadata"):
            yield from fields(child, f"{path}.{name}" if path else name, name in inner.get("required", []))


def rules(schema: Schema, path: str = "") -> Iterator[Rule]:
    """Its CEL rules, and those of everything in it."""
    for rule in schema.get("x-kubernetes-validations", []):
        yield Rule(path, _one_line(rule["message"]), _one_line(rule["rule"]))
    if "items" in schema:
        yield from rules(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from rules(schema["additionalProperties"], f"{path}.*")
    for name, child in schema.get("properties", {}).items():
        yield from rules(child, f"{path}.{name}" if path else name)


def page(crd: Path) -> str:
    """The whole page of a CRD with one version."""
    spec = yaml.safe_load(crd.read_text())["spec"]
    version = spec["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    names = spec["names"]
    lines = [
        f"# {names['kind']}",
        "",
        f"<!-- Made by `make generate` from crds/{crd.name}; change that. -->",
        "",
        schema["description"],
        "",
        f"`{spec['group']}/{version['name']}`, {spec['scope'].lower().replace('cluster', 'cluster-scoped')}, "
        f"`kubectl get {names['plural']}` or `{'`, `'.join(names['shortNames'])}`.",
        "",
        *_columns(version.get("additionalPrinterColumns", [])),
    ]
    for part in ("spec", "status"):
        if part in schema["properties"]:
            lines += _part(part, schema["properties"][part], part in schema.get("required", []))
    lines += _rules(list(rules(schema)))
    return "\n".join(lines).rstrip() + "\n"


def _columns(columns: list[Schema]) -> list[str]:
    lines = ["## Columns", "", "| column | shown | what it says |", "|---|---|---|"]
    for column in columns:
        shown = "with `-o wide`" if column.get("priority") else "always"
        said = column.get("description") or ("Since when it exists." if column["name"] == "Age" else "")
        lines.append(f"| {column['name'].upper()} | {shown} | {_cell(said)} |")
    return [*lines, ""]


def _part(name: str, schema: Schema, required: bool) -> list[str]:
    lines = [f"## {name}", "", "A field in **bold** must be given.", ""] if name == "spec" else [f"## {name}", ""]
    return [*lines, *table(name, schema, required), ""]


def table(name: str, schema: Schema, required: bool = False) -> list[str]:
    """The fields of a schema as a table."""
    lines = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for field in fields(schema, name, required):
        path = f"**`{field.path}`**" if field.required and name == "spec" else f"`{field.path}`"
        lines.append(f"| {path} | {field.type} | {field.default} | {_cell(field.meaning)} |")
    return lines


def _rules(found: list[Rule]) -> list[str]:
    if not found:
        return []
    lines = [
        "## Rules",
        "",
        "Refused by the API server, with this message, where the expression (CEL) is not true.",
        "",
    ]
    lines += ["| of | message | expression |", "|---|---|---|"]
    lines += [f"| `{rule.path}` | {_cell(rule.message)} | `{_cell(rule.expression)}` |" for rule in found]
    return [*lines, ""]


def _type(schema: Schema) -> str:
    """In words, with the bounds."""
    kind = schema.get("type", "any")
    if kind == "array":
        bounds = (_between(schema, "minItems", "maxItems", " entries") + _unique(schema)).removeprefix(", ")
        return f"list{f' ({bounds})' if bounds else ''} of {_type(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), Mapping):
        bounds = _between(schema, "minProperties", "maxProperties", " entries").removeprefix(", ")
        return f"map{f' ({bounds})' if bounds else ''} of {_type(schema['additionalProperties'])}"
    if kind == "object" and schema.get("x-kubernetes-preserve-unknown-fields"):
        return "object, any fields"
    if "enum" in schema:
        listed = [f"`{value}`" for value in schema["enum"] if value is not None]
        return _cell(" or ".join(listed) if len(listed) <= 8 else "one of " + ", ".join(listed))
    said = "int-or-string" if schema.get("x-kubernetes-int-or-string") else kind
    if schema.get("format") in ("date-time", "byte"):
        said = {"date-time": "time (RFC 3339)", "byte": "base64"}[schema["format"]]
    said += _between(schema, "minimum", "maximum", "") + _between(schema, "minLength", "maxLength", " characters")
    if pattern := schema.get("pattern"):
        said += f", matching `{pattern}`"
    return _cell(said)


def _between(schema: Schema, low: str, high: str, unit: str) -> str:
    at_least, at_most = schema.get(low), schema.get(high)
    if at_least is not None and at_most is not None:
        return f", {at_least} to {at_most}{unit}"
    if at_least is not None:
        return f", at least {at_least}{unit}"
    return f", at most {at_most}{unit}" if at_most is not None else ""


def _unique(schema: Schema) -> str:
    if schema.get("x-kubernetes-list-type") == "set":
        return ", each once"
    keys = schema.get("x-kubernetes-list-map-keys")
    return f", unique by {' and '.join(keys)}" if keys else ""


def _default(schema: Schema) -> str:
    if "default" not in schema or schema["default"] in ({}, []):
        return ""
    value = schema["default"]
    if value == "":
        return '`""`'
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _meaning(schema: Schema) -> str:
    return _one_line(schema.get("description") or schema.get("items", {}).get("description", ""))


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
