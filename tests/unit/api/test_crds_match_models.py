"""The CRDs and the models are one shape: whatever differs between crds/*.yaml and incident_commander.api fails here."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from incident_commander.api import kinds, names
from incident_commander.api.agent import Agent
from incident_commander.api.incident import Incident
from incident_commander.api.meta import Model
from incident_commander.api.policy import RemediationPolicy
from incident_commander.api.runbook import Runbook

CRDS = Path(__file__).resolve().parents[3] / "crds"
MODELS: dict[str, type[Model]] = {
    "agents": Agent,
    "incidents": Incident,
    "remediationpolicies": RemediationPolicy,
    "runbooks": Runbook,
}
SHORT_NAMES = {"agents": "agt", "incidents": "inc", "remediationpolicies": "rpol", "runbooks": "rb"}
BOUNDS = ("pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties")
STATUS_DEFAULT = {"phase": "Pending"}
"""An Incident that nobody has looked at yet says so in its Phase column."""

Schema = dict[str, Any]


def crd(plural: str) -> Schema:
    loaded: Schema = yaml.safe_load((CRDS / f"{plural}.yaml").read_text())
    return loaded


def schema_of(definition: Schema) -> Schema:
    schema: Schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def resolved(node: Schema, definitions: Schema) -> Schema:
    """Without references and without "or null": an absent field is how a structural schema says None."""
    node = dict(node)
    if "anyOf" in node:
        (alternative,) = [a for a in node.pop("anyOf") if a != {"type": "null"}]
        node = {**alternative, **node}
    if "$ref" in node:
        referred = node.pop("$ref").rsplit("/", 1)[1]
        node = {**resolved(definitions[referred], definitions), **node}
    if "const" in node:
        node["enum"] = [node.pop("const")]
    return node


def drift(definition: Schema, model: type[Model]) -> list[str]:
    """Every difference between a CRD and its model, as "path: what"."""
    found: list[str] = []
    for mode in ("validation", "serialization"):
        wanted = model.model_json_schema(by_alias=True, mode=mode)
        definitions = wanted.get("$defs", {})
        root = schema_of(definition)
        if mode == "validation":
            found += [f"required: {sorted(root.get('required', []))}"] * (
                sorted(root.get("required", [])) != sorted(wanted.get("required", []))
            )
        parts = wanted["properties"].keys() - {"apiVersion", "kind", "metadata"}
        extra = root["properties"].keys() - {"apiVersion", "kind", "metadata"} - parts
        found += [f"{part}: not in the model" for part in sorted(extra)]
        for part in sorted(parts):
            crd_part = root["properties"].get(part)
            found += differences(crd_part, wanted["properties"][part], definitions, part, mode)
    return found


def differences(ours: Schema | None, theirs: Schema, definitions: Schema, path: str, mode: str) -> Iterator[str]:
    wanted = resolved(theirs, definitions)
    if ours is None:
        yield f"{path}: not in the CRD"
        return
    compared = ["type", "enum", *BOUNDS]
    if mode == "validation":  # what is written has every default filled in, and times are text
        compared += ["required", "format"]
        yield from default_differences(ours, theirs, path)
    for key in compared:
        if comparable(ours.get(key)) != comparable(wanted.get(key)):
            yield f"{path}: {key} {ours.get(key)}, in the model {wanted.get(key)}"
    yield from inner_differences(ours, wanted, definitions, path, mode)


def comparable(value: object) -> object:
    """Order means nothing, an empty list as much as none; int64 only says that a number is an integer."""
    if isinstance(value, list):
        return sorted(value) or None
    return None if value == "int64" else value


def inner_differences(ours: Schema, wanted: Schema, definitions: Schema, path: str, mode: str) -> Iterator[str]:
    fields, wanted_fields = ours.get("properties", {}), wanted.get("properties", {})
    for name in sorted(fields.keys() - wanted_fields.keys()):
        yield f"{path}.{name}: not in the model"
    for name, field in wanted_fields.items():
        yield from differences(fields.get(name), field, definitions, f"{path}.{name}", mode)
    for inner, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if inner in wanted:
            yield from differences(ours.get(inner), wanted[inner], definitions, path + suffix, mode)
        elif inner in ours:
            yield f"{path}{suffix}: not in the model"


def default_differences(ours: Schema, theirs: Schema, path: str) -> Iterator[str]:
    """Defaults of spec stand in the CRD, so that people see what is in force; status has none but its phase."""
    default = theirs.get("default")
    wanted: Any = None
    if path == "status":
        wanted = STATUS_DEFAULT if "phase" in ours.get("properties", {}) else None
    elif path.startswith("spec") and isinstance(default, dict):
        wanted = {} if "properties" in ours else None
    elif path.startswith("spec") and default not in ("", [], 0, False):
        wanted = default
    if ours.get("default") != wanted:
        yield f"{path}: default {ours.get('default')}, in the model {wanted}"


def nodes(node: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    yield path, node
    for name, field in node.get("properties", {}).items():
        yield from nodes(field, f"{path}.{name}")
    for inner, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if inner in node:
            yield from nodes(node[inner], path + suffix)


def own_nodes(plural: str) -> Iterator[tuple[str, Schema]]:
    for part in ("spec", "status"):
        if part in (fields := schema_of(crd(plural))["properties"]):
            yield from nodes(fields[part], part)


@pytest.mark.parametrize("plural", MODELS)
def test_a_crd_has_the_shape_of_its_model(plural: str) -> None:
    assert drift(crd(plural), MODELS[plural]) == []


def test_there_is_one_crd_for_each_kind_of_the_group_and_no_other() -> None:
    ours = {kind.plural: kind for kind in kinds.ALL if kind.group == names.GROUP}
    assert {file.stem for file in CRDS.glob("*.yaml")} == ours.keys() == MODELS.keys()
    for plural, kind in ours.items():
        spec = crd(plural)["spec"]
        assert (spec["group"], spec["versions"][0]["name"]) == (kind.group, kind.version)
        assert (spec["names"]["plural"], spec["names"]["kind"]) == (kind.plural, kind.kind)
        assert spec["names"]["shortNames"] == [SHORT_NAMES[plural]]
        assert spec["names"]["categories"] == ["incident-commander"]
        assert spec["scope"] == ("Namespaced" if kind.namespaced else "Cluster")


@pytest.mark.parametrize("plural", MODELS)
def test_what_has_a_status_has_it_as_a_subresource(plural: str) -> None:
    version = crd(plural)["spec"]["versions"][0]
    assert ("status" in version.get("subresources", {})) == ("status" in schema_of(crd(plural))["properties"])


@pytest.mark.parametrize("plural", MODELS)
def test_nothing_is_unbounded_untyped_or_a_float(plural: str) -> None:
    for path, node in own_nodes(plural):
        kind = node.get("type")
        assert kind in ("string", "integer", "boolean", "array", "object"), path
        assert not any(key.startswith("x-kubernetes-preserve") or key == "nullable" for key in node), path
        if kind == "string":
            assert node.keys() & {"maxLength", "enum", "pattern", "format"}, path
        if kind == "array":
            assert "maxItems" in node, path
            assert "x-kubernetes-list-type" in node, path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path


@pytest.mark.parametrize("plural", MODELS)
def test_every_field_is_described(plural: str) -> None:
    undescribed = [path for path, node in own_nodes(plural) if not path.endswith(("[]", "{}")) and not described(node)]
    assert undescribed == []


def described(node: Schema) -> bool:
    return len(node.get("description", "")) > 3


@pytest.mark.parametrize("plural", MODELS)
def test_every_rule_says_what_to_do(plural: str) -> None:
    root = schema_of(crd(plural))
    for path, node in [("", root), *own_nodes(plural)]:
        for rule in node.get("x-kubernetes-validations", []):
            assert len(rule.get("message", "")) > 20, f"{path}: {rule['rule']}"


@pytest.mark.parametrize("plural", MODELS)
def test_every_column_shows_a_field_that_exists(plural: str) -> None:
    paths = {path.replace("[]", "[0]") for path, _ in own_nodes(plural)} | {"metadata.creationTimestamp"}
    for column in crd(plural)["spec"]["versions"][0]["additionalPrinterColumns"]:
        path = re.sub(r"\[\?\(.*?\)\]", "[0]", column["jsonPath"])  # the condition of a type is one of the list
        assert path.removeprefix(".") in paths, column["name"]


def _at(schema: Schema, *path: str) -> Schema:
    for step in path:
        schema = schema[step] if step == "items" else schema["properties"][step]
    return schema


BREAKS: dict[str, tuple[str, Callable[[Schema], object]]] = {
    "a field is gone": ("spec.severity: not in the CRD", lambda s: _at(s, "spec")["properties"].pop("severity")),
    "a field is new": (
        "spec.colour: not in the model",
        lambda s: _at(s, "spec")["properties"].update(colour={"type": "string"}),
    ),
    "a type": (
        "spec.storm: type string, in the model boolean",
        lambda s: _at(s, "spec", "storm").update(type="string"),
    ),
    "an enum": (
        "status.phase: enum",
        lambda s: _at(s, "status", "phase")["enum"].remove("Closed"),
    ),
    "the bound of a list": (
        "spec.alerts: maxItems 51, in the model 50",
        lambda s: _at(s, "spec", "alerts").update(maxItems=51),
    ),
    "the bound of a text": (
        "spec.targetRef.name: maxLength None, in the model 256",
        lambda s: _at(s, "spec", "targetRef", "name").pop("maxLength"),
    ),
    "the bound of a number": (
        "spec.omittedAlerts: minimum 1, in the model 0",
        lambda s: _at(s, "spec", "omittedAlerts").update(minimum=1),
    ),
    "the bound of a map": (
        "spec.alerts[].labels: maxProperties 65, in the model 64",
        lambda s: _at(s, "spec", "alerts", "items", "labels").update(maxProperties=65),
    ),
    "a pattern": (
        "spec.approval.planDigest: pattern",
        lambda s: _at(s, "spec", "approval", "planDigest").update(pattern="^.*$"),
    ),
    "what is required": (
        "spec.alerts[]: required",
        lambda s: _at(s, "spec", "alerts", "items")["required"].remove("startsAt"),
    ),
    "a format": (
        "status.startedAt: format None, in the model date-time",
        lambda s: _at(s, "status", "startedAt").pop("format"),
    ),
    "a default": (
        "spec.severity: default Critical, in the model Warning",
        lambda s: _at(s, "spec", "severity").update(default="Critical"),
    ),
    "a whole part": ("status: not in the CRD", lambda s: s["properties"].pop("status")),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_difference_is_found_and_named(what: str) -> None:
    expected, break_it = BREAKS[what]
    definition = copy.deepcopy(crd("incidents"))
    break_it(schema_of(definition))
    found = drift(definition, Incident)
    assert any(line.startswith(expected) for line in found), found
