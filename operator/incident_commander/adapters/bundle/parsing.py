"""Bytes of a bundle's files as values: text of any usual encoding, JSON within bounds, answers of the real tools."""

from __future__ import annotations

import codecs
import json
from typing import Any

from incident_commander.adapters.alertmanager import read_alerts
from incident_commander.adapters.bundle.folder import Broken
from incident_commander.adapters.prometheus_json import parse_result
from incident_commander.api.incident import Alert
from incident_commander.api.kinds import Kind
from incident_commander.ports import Object, Series

MAX_VALUES = 2_000_000
"""Values of one JSON file: what takes three bytes there can take a hundred in memory."""

MAX_DEPTH = 64
"""Nesting of an object, far above what Kubernetes itself stores."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""PowerShell's ``>`` writes UTF-16 with a mark."""


def text_of(content: bytes) -> str:
    """Text by its byte order mark, otherwise UTF-8; what is none of it becomes U+FFFD."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    return content.decode(encoding, "replace")


MARK_BYTES = max(len(mark) for mark, _ in _MARKS)


def is_utf8(start: bytes) -> bool:
    """Whether a file that begins so is read as UTF-8."""
    return next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8").startswith("utf-8")


def json_of(path: str, content: bytes) -> Any:
    """The value of a JSON file. Raises ``Broken`` when it is none, or one that would exhaust memory or stack."""
    text = text_of(content)
    if text.count(",") + text.count("[") + text.count("{") > MAX_VALUES:
        raise Broken(f"{path}: more than {MAX_VALUES} values")
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise Broken(f"{path}: nested too deeply") from error
    except json.JSONDecodeError as error:
        raise Broken(f"{path}: not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except ValueError as error:
        raise Broken(f"{path}: not JSON: {error}") from error
    if too_deep(found):
        raise Broken(f"{path}: nested deeper than {MAX_DEPTH} levels")
    return found


def too_deep(value: Any) -> bool:
    """Whether something is nested deeper than ``MAX_DEPTH``."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            below
            for above in level
            if isinstance(above, dict | list)
            for below in (above.values() if isinstance(above, dict) else above)
            if isinstance(below, dict | list)
        ]
        if not level:
            return False
    return True


def objects_of(path: str, kind: Kind, content: bytes) -> list[Object]:
    """The items of what ``kubectl get -o json`` printed: a List, or one object.

    Items of another kind are left out; those that are no objects, or of a kind that is no text, are kept for whoever
    counts them.
    """
    found = json_of(path, content)
    if isinstance(found, dict) and isinstance(found.get("items"), list):
        items = found["items"]
    elif isinstance(found, dict) and found.get("kind") == kind.kind:
        items = [found]
    elif isinstance(found, list):
        items = found
    else:
        raise Broken(f"{path}: neither a List nor a {kind.kind}, as `kubectl get {kind.resource} -o json` prints it")
    return [
        {"apiVersion": kind.api_version, "kind": kind.kind, **item} if isinstance(item, dict) else item
        for item in items
        if not isinstance(item, dict) or not isinstance(named := item.get("kind", kind.kind), str) or named == kind.kind
    ]


def series_of(path: str, content: bytes) -> list[Series]:
    """The series of an answer of Prometheus' ``query`` or ``query_range``, or of its ``data`` alone."""
    found = json_of(path, content)
    if isinstance(found, dict) and found.get("status") == "error":
        raise Broken(f"{path}: Prometheus answered: {found.get('errorType')}: {found.get('error')}")
    data = found.get("data", found) if isinstance(found, dict) else found
    try:
        parsed = parse_result(data)
        return [Series({str(k): str(v) for k, v in one.labels.items()}, one.points) for one in parsed]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Broken(f"{path}: not an answer of Prometheus ({type(error).__name__}: {error})") from error


def alerts_of(path: str, content: bytes) -> tuple[list[Alert], int]:
    """The alerts of Alertmanager's ``GET /api/v2/alerts``, and how many entries were none."""
    found = json_of(path, content)
    if not isinstance(found, list):
        raise Broken(f"{path}: not a list, as Alertmanager's GET /api/v2/alerts answers")
    alerts = read_alerts(found)
    return alerts, len(found) - len(alerts)
