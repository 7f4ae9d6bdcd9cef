"""Citations of evidence: each can be looked up again where it says.

The value of an object's field is read from the path itself, so it cannot differ from what the API server
holds at that resourceVersion. Where text had to be cleaned or redacted to be shown, no resourceVersion is claimed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from incident_commander.api.incident import Alert
from incident_commander.api.statement import Citation, CitationKind
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import Log, Note, reference
from incident_commander.evidence.lines import clean_line
from incident_commander.evidence.redaction.objects import holds_secret
from incident_commander.evidence.redaction.redactor import Redactor
from incident_commander.evidence.structured import abridged
from incident_commander.ports import Object, Query, Series

MAX_VALUE = 600
"""Characters of a cited value: enough for a scheduler's or a registry's message."""

_STEP = re.compile(r"([A-Za-z][A-Za-z0-9]*)|\[([0-9]{1,6})\]")


_REDACTOR = Redactor()


def spoken(text: str, limit: int = MAX_VALUE) -> str:
    """Text of others as it may be said: one line, printable, without secrets; of a long JSON record its messages."""
    said = _REDACTOR.text(clean_line(text))
    if len(said) > limit and (short := abridged(said, limit)) is not None:
        return short
    return said[:limit]


def setting(name: str, value: Any) -> str:
    """A value of a field in one line, hidden when the name says that it is secret."""
    written = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    named = name.removesuffix(".value").rstrip("]").rsplit("[", 1)[-1]
    return _REDACTOR.hide(written, "named") if holds_secret(named, written) else spoken(written)


def _secret_variable(obj: Object, path: str, written: str) -> bool:
    """Whether the path is the value of a variable or header whose name says that it is secret."""
    above, _, last = path.rpartition(".")
    return last == "value" and holds_secret(fields.text(value_at(obj, above), "name"), written)


def value_at(obj: Object, path: str) -> Any:
    """What stands at a path such as ``spec.containers[0].image``, or None."""
    steps = [int(index) if index else key for key, index in _STEP.findall(path)]
    return fields.value(obj, *steps)


def of_object(obj: Object, path: str) -> Citation:
    """A field of an object."""
    found = value_at(obj, path)
    written = found if isinstance(found, str) else json.dumps(found, sort_keys=True, default=str)
    shown = _REDACTOR.hide(written, "named") if _secret_variable(obj, path, written) else spoken(written)
    version = fields.text(obj, "metadata", "resourceVersion")
    exact = shown == written.strip()
    return Citation(
        kind=CitationKind.OBJECT,
        ref=clean_line(reference(obj))[:1024],
        path=path[:1024],
        value=shown,
        resource_version=version[:256] if version and exact else None,
    )


def of_entry(config_map: Object, key: str, text: str) -> Citation:
    """What a ConfigMap's entry says somewhere: of its other text only a hash is kept as evidence."""
    return Citation(
        kind=CitationKind.OBJECT,
        ref=clean_line(reference(config_map))[:1024],
        path=clean_line(f"data.{key}")[:1024],
        value=spoken(text),
    )


def of_event(event: Object) -> Citation:
    """An event: the involved object, the reason, the message."""
    about = fields.mapping(event, "involvedObject")
    parts = (fields.text(about, key) for key in ("kind", "namespace", "name"))
    return Citation(
        kind=CitationKind.EVENT,
        ref=clean_line("/".join(part for part in parts if part))[:1024],
        path=clean_line(fields.text(event, "reason"))[:256],
        value=spoken(fields.text(event, "message")),
    )


def of_metric(query: Query, value: str) -> Citation:
    """A query and what it answered, with its unit."""
    return Citation(kind=CitationKind.METRIC, ref=query.promql[:1024], path=query.name[:256], value=value[:MAX_VALUE])


def of_log(log: Log, line: str) -> Citation:
    """A line of a container's log, with its number where that is known."""
    previous = ":previous" if log.previous else ""
    ref = clean_line(f"Pod/{log.namespace}/{log.pod}/{log.container}{previous}")[:1024]
    number = log.number_of(line)
    return Citation(kind=CitationKind.LOG, ref=ref, path=f"line {number}" if number else "", value=spoken(line))


def of_note(note: Note, line: str) -> Citation:
    """A line of another tool's output."""
    return Citation(kind=CitationKind.NOTE, ref=clean_line(note.name)[:1024], value=spoken(line))


def of_series(name: str, series: Series, value: str) -> Citation:
    """A recorded series, named with its labels, and what was read from it, with its unit."""
    labels = ",".join(f'{key}="{text}"' for key, text in sorted(series.labels.items()) if key != "__name__")
    ref = clean_line(f"{name}{{{labels}}}")[:1024]
    return Citation(kind=CitationKind.METRIC, ref=ref, path=clean_line(name)[:256], value=value[:MAX_VALUE])


def of_alert(alert: Alert) -> Citation:
    """An alert: its name, and its description or labels."""
    said = alert.annotations.get("description") or alert.annotations.get("summary") or _labels(alert.labels)
    return Citation(kind=CitationKind.ALERT, ref=clean_line(alert.name)[:1024], path="", value=spoken(said))


def _labels(labels: Mapping[str, str]) -> str:
    """As Prometheus writes them."""
    return "{" + ", ".join(f'{key}="{text}"' for key, text in sorted(labels.items())) + "}"
