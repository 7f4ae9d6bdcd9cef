"""Parameters of runbook steps: ``${facts.container}``, ``${object.name}``, ``${target.name}``, ``${incident.name}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from incident_commander.api.incident import Incident
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Hypothesis
from incident_commander.errors import Refusal

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_ROOTS = ("facts", "object", "target", "incident")
_OBJECT_FIELDS = ("apiVersion", "kind", "namespace", "name")
_INCIDENT_FIELDS = ("namespace", "name", "severity")
NOT_KNOWN = "(not known)"
MAX_LENGTH = 256
"""Characters of a parameter (bound of the resource's schema)."""


def references(text: str) -> list[str]:
    """What a template refers to, such as ``facts.container``.

    Raises ``ValueError`` for a reference that can never be resolved.
    """
    found = _REFERENCE.findall(text)
    for reference in found:
        root, dot, name = reference.partition(".")
        if root not in _ROOTS or not dot or not name:
            raise ValueError(f"${{{reference}}} is not a reference; write ${{facts.NAME}}, ${{object.name}}, ...")
        known = {"object": _OBJECT_FIELDS, "target": _OBJECT_FIELDS, "incident": _INCIDENT_FIELDS}.get(root)
        if known is not None and name not in known:
            raise ValueError(f"${{{reference}}}: {root} has {', '.join(known)}")
    return found


def values_of(incident: Incident, hypothesis: Hypothesis) -> dict[str, str]:
    """Everything that templates may refer to."""
    target = incident.spec.target_ref
    values = {f"facts.{name}": value for name, value in hypothesis.facts.items()}
    values |= _fields("target", target) | _fields("object", hypothesis.object or target)
    values["incident.name"] = incident.metadata.name
    values["incident.namespace"] = incident.metadata.namespace or ""
    values["incident.severity"] = incident.spec.severity.value
    return {name: value for name, value in values.items() if value}


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with every reference replaced.

    Raises ``Refusal``: ``MissingFact`` when the diagnosis does not carry what is referred to,
    ``ParameterTooLong``.
    """
    for reference in references(text):
        if reference not in values:
            facts = ", ".join(sorted(name for name in values if name.startswith("facts."))) or "no facts"
            near = get_close_matches(reference, sorted(values), n=1)
            known = f"is it ${{{near[0]}}}? known: {facts}" if near else f"known: {facts}"
            raise Refusal("MissingFact", f"{text!r} needs ${{{reference}}}, which is not known; {known}")
    expanded = _REFERENCE.sub(lambda found: values[found[1]], text)
    if len(expanded) > MAX_LENGTH:
        raise Refusal("ParameterTooLong", f"{text!r} becomes {len(expanded)} characters, more than {MAX_LENGTH}")
    return expanded


def expand_for_people(text: str, values: Mapping[str, str]) -> str:
    """The same for a text that is only read: what is not known is said to be so, and a long text is cut."""
    expanded = _REFERENCE.sub(lambda found: values.get(found[1], NOT_KNOWN), text)
    printable = "".join(c if c.isprintable() else " " for c in expanded)
    return printable if len(printable) <= MAX_LENGTH else printable[: MAX_LENGTH - 1] + "…"


def _fields(root: str, ref: TargetRef | None) -> dict[str, str]:
    if ref is None:
        return {}
    return {
        f"{root}.apiVersion": ref.api_version,
        f"{root}.kind": ref.kind,
        f"{root}.namespace": ref.namespace or "",
        f"{root}.name": ref.name,
    }
