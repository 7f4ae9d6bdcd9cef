"""Label and field selectors in kubectl's syntax."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from incident_commander import errors
from incident_commander.api.kinds import Kind
from incident_commander.evidence import fields
from incident_commander.ports import Object

_SPLIT = re.compile(r",(?![^(]*\))")
_SET = re.compile(r"(?P<key>\S+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)")
_EQUAL = re.compile(r"(?P<key>[^!=\s]+)\s*(?P<op>==|=|!=)\s*(?P<value>\S*)")

_FIELDS: Mapping[str, frozenset[str]] = {
    "pods": frozenset({"spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase"}),
    "events": frozenset(
        {
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.fieldPath",
            "reason",
            "type",
            "source",
        }
    ),
    "nodes": frozenset({"spec.unschedulable"}),
    "secrets": frozenset({"type"}),
    "replicasets.apps": frozenset({"status.replicas"}),
    "jobs.batch": frozenset({"status.successful"}),
    "namespaces": frozenset({"status.phase"}),
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """``key`` must (or must not, when ``negated``) have one of ``values``; None asks for existence only."""

    key: str
    values: frozenset[str] | None
    negated: bool

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether a label set satisfies it. An absent key satisfies every negation."""
        present = self.key in labels
        matched = present and (self.values is None or labels[self.key] in self.values)
        return matched != self.negated


def parse_labels(text: str) -> list[Requirement]:
    """The requirements of a label selector. Raises ``Invalid`` for text that is none."""
    return [_requirement(part.strip(), text) for part in _SPLIT.split(text) if part.strip()]


def matches_labels(obj: Object, requirements: list[Requirement]) -> bool:
    """Whether an object's labels satisfy all requirements."""
    labels = fields.strings(obj, "metadata", "labels")
    return all(requirement.holds(labels) for requirement in requirements)


def matches_selector(labels: Mapping[str, str], selector: Mapping[str, Any] | None) -> bool:
    """A ``metav1.LabelSelector``. None matches nothing, an empty one everything."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(e).holds(labels) for e in selector.get("matchExpressions") or [])


def parse_fields(kind: Kind, text: str) -> list[tuple[str, str, bool]]:
    """(path, value, wanted equal) of a field selector. Raises ``Invalid`` for a field that the kind does not offer."""
    known = _FIELDS.get(kind.resource, frozenset()) | {"metadata.name"}
    if kind.namespaced:
        known |= {"metadata.namespace"}
    found = []
    for part in text.split(","):
        match = _EQUAL.fullmatch(part.strip())
        if match is None:
            raise errors.Invalid(f"invalid field selector: {part!r}", status=400, reason="BadRequest")
        if match["key"] not in known:
            raise errors.Invalid(_unknown_field(kind, match["key"]), status=400, reason="BadRequest")
        found.append((match["key"], match["value"], match["op"] != "!="))
    return found


def matches_fields(obj: Object, wanted: list[tuple[str, str, bool]]) -> bool:
    """Whether an object's fields are as wanted; an absent field is the empty text."""
    return all((_text(fields.value(obj, *path.split("."))) == value) == equal for path, value, equal in wanted)


def _unknown_field(kind: Kind, key: str) -> str:
    if kind.resource in _FIELDS:
        return f"field label not supported: {key}"
    return f'"{key}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _requirement(part: str, whole: str) -> Requirement:
    found = _SET.fullmatch(part)
    if found is not None:
        values = frozenset(value.strip() for value in found["values"].split(","))
        return Requirement(found["key"], values, found["op"] == "notin")
    found = _EQUAL.fullmatch(part)
    if found is not None:
        return Requirement(found["key"], frozenset({found["value"]}), found["op"] == "!=")
    name = part.removeprefix("!").strip()
    if not re.fullmatch(r"[\w./-]+", name):
        raise errors.Invalid(f"unable to parse requirement {part!r} of {whole!r}", status=400, reason="BadRequest")
    return Requirement(name, None, part.startswith("!"))


def _expression(expression: Mapping[str, Any]) -> Requirement:
    operator = expression["operator"]
    values = None if operator in ("Exists", "DoesNotExist") else frozenset(expression.get("values") or [])
    return Requirement(expression["key"], values, operator in ("NotIn", "DoesNotExist"))
