"""Label selectors: ``matchLabels`` and ``matchExpressions``, with the operators of pods, volumes and nodes."""

from __future__ import annotations

from typing import Any

from incident_commander.evidence import fields


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether labels meet a selector; an empty one is met by all."""
    wanted = fields.strings(selector, "matchLabels")
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(holds(expression, labels) for expression in fields.items(selector, "matchExpressions"))


def holds(expression: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether one expression is met; an operator that is not known is not."""
    key, operator = fields.text(expression, "key"), fields.text(expression, "operator")
    values, found = fields.words(expression, "values"), labels.get(fields.text(expression, "key"))
    if operator in ("In", "NotIn"):
        return (found in values) == (operator == "In")
    if operator in ("Exists", "DoesNotExist"):
        return (key in labels) == (operator == "Exists")
    if operator in ("Gt", "Lt") and found is not None and values:
        try:
            return int(found) > int(values[0]) if operator == "Gt" else int(found) < int(values[0])
        except ValueError:
            return False
    return False
