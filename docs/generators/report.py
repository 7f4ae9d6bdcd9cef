"""The JSON Schema of `diagnose -o json`, and a page of its fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from docs.generators.resources import Schema, table
from incident_commander.cli.diagnose.document import API_VERSION, KIND, DiagnosisReport

SCHEMA = "diagnosisreport.schema.json"
_HEAD = f"""# {KIND}

<!-- Made by `make generate` from operator/incident_commander/cli/diagnose/document.py; change that. -->

What `incident-commander diagnose -o json` prints: one JSON object, in ASCII. How to use it: [diagnose](../diagnose.md).

`apiVersion` is `{API_VERSION}` and `kind` is `{KIND}`; the whole is a [JSON Schema]({SCHEMA}) as well. Within a
version fields may be added; none is renamed, removed or given another meaning. What the schema does not require is
absent when there is nothing to say. Texts of others (messages, log lines, names) are one line each, printable, and
without secrets; still, treat them as text.
"""


def schema() -> dict[str, Any]:
    """As pydantic makes it of the model; but fields may be added, so that what it does not know is allowed."""
    made = DiagnosisReport.model_json_schema(by_alias=True, mode="serialization")
    for part in (made, *made["$defs"].values()):
        part.pop("additionalProperties", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def page() -> str:
    """The whole page."""
    whole = schema()
    return "\n".join([_HEAD, *table("", inlined(whole, whole["$defs"]))]) + "\n"


def inlined(part: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Without references, and without the null that pydantic allows beside a value which is left out when absent."""
    if "$ref" in part:
        found = inlined(definitions[part["$ref"].rsplit("/", 1)[-1]], definitions)
        return {**found, **{key: value for key, value in part.items() if key != "$ref"}}
    if "anyOf" in part:
        (value,) = [one for one in part["anyOf"] if one.get("type") != "null"]
        rest = {key: value for key, value in part.items() if key not in ("anyOf", "default")}
        return {**inlined(value, definitions), **rest}
    made = dict(part)
    if "properties" in part:
        made["properties"] = {name: inlined(child, definitions) for name, child in part["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(part.get(key), Mapping):
            made[key] = inlined(part[key], definitions)
    return made


def text() -> str:
    """The schema's file."""
    return json.dumps(schema(), indent=2) + "\n"
