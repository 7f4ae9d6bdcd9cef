"""Whether a cited value stands in an object: the only evidence that anybody can check again exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from incident_commander.api.statement import Citation, CitationKind
from incident_commander.ports import Object

_PLAIN_PATH = re.compile(r"[A-Za-z][A-Za-z0-9]*(\[[0-9]+\])*(\.[A-Za-z][A-Za-z0-9]*(\[[0-9]+\])*)*")
_STEP = re.compile(r"[A-Za-z][A-Za-z0-9]*|[0-9]+")
_ABSENT = frozenset(
    {"", "null", "none", "<none>", "nil", "absent", "unset", "not set", "missing", "not present"}
    | {"0", "false", '""', "[]", "{}"}
)
"""How an absent field may be cited. The API leaves out fields with the zero value of their type."""


class _NotThere:
    """The field does not exist."""


def contradiction(citation: Citation, objects: Mapping[str, Object]) -> str | None:
    """What is wrong with a citation, or None when it is right, or when nothing can be proven.

    ``objects`` by reference (``Kind/namespace/name``), as they are now. Only a citation of an object that
    still has the cited resourceVersion proves anything. In doubt an honest agent is believed: paths other than
    plain ``a.b[0].c``, values that are lists or maps, redacted values, and prose around the right value
    all prove nothing.
    """
    if citation.kind is not CitationKind.OBJECT or not citation.resource_version:
        return None
    found = objects.get(citation.ref)
    if found is None or not _PLAIN_PATH.fullmatch(citation.path):
        return None
    if found.get("metadata", {}).get("resourceVersion") != citation.resource_version:
        return None
    actual = _value_at(found, citation.path)
    if _agrees(citation.value.strip(), actual):
        return None
    stands = "does not exist" if isinstance(actual, _NotThere) else f"is {str(actual)[:200]!r}"
    return (
        f"{citation.ref} at resourceVersion {citation.resource_version}: {citation.path} {stands}, "
        f"not {citation.value[:200]!r}"
    )


def _value_at(obj: Object, path: str) -> Any:
    value: Any = obj
    for step in _STEP.findall(path):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _NotThere()
    return value


def _agrees(claimed: str, actual: Any) -> bool:
    lower = claimed.lower()
    if "redacted" in lower or isinstance(actual, (Mapping, list, float)):
        return True
    if actual is None or isinstance(actual, _NotThere):
        return lower in _ABSENT
    if isinstance(actual, bool):
        return lower not in ("true", "false") or (lower == "true") is actual
    if isinstance(actual, int):
        return re.search(rf"(?<![0-9.]){actual}(?![0-9])", claimed) is not None
    text, shortened = str(actual), claimed.rstrip("….")
    return text in claimed or (shortened != "" and shortened in text)
