"""Whether a citation can be found again: made once more from the evidence, it must come out the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from incident_commander.api.statement import Citation, CitationKind
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Evidence
from incident_commander.ports import Object

_SAME = 12
"""Characters by which lines are told apart before they are compared in full (redaction takes time)."""


def unfounded(citation: Citation, evidence: Evidence) -> bool:
    """Whether nothing in the evidence says what the citation says it does."""
    if citation.kind is CitationKind.METRIC:
        named = citation.path in evidence.series or any(
            measured.query.name == citation.path for measured in evidence.metrics.values()
        )
        return not (named and any(c.isdigit() for c in citation.value))
    return all(made != citation for made in _made_again(citation, evidence))


def _made_again(citation: Citation, evidence: Evidence) -> Iterator[Citation]:
    if citation.kind is CitationKind.OBJECT:
        for objects in evidence.objects.values():
            yield from (citing.of_object(o, citation.path) for o in objects if _about(o, citation))
            yield from (citing.of_entry(o, key, citation.value) for o, key in _entries(objects, citation))
    elif citation.kind is CitationKind.EVENT:
        yield from (citing.of_event(event) for event in evidence.objects.get("events", ()))
    elif citation.kind is CitationKind.LOG:
        for log in evidence.logs:
            if f"/{log.pod}/{log.container}" in citation.ref:
                yield from (citing.of_log(log, line) for line in _like(log.lines, citation))
    elif citation.kind is CitationKind.NOTE:
        for note in evidence.notes:
            yield from (citing.of_note(note, line) for line in _like(note.lines, citation))
    else:
        yield from (citing.of_alert(alert) for alert in evidence.alerts)


def _entries(objects: Iterable[Object], citation: Citation) -> Iterator[tuple[Object, str]]:
    """Entries of ConfigMaps that say what is cited."""
    for obj in objects:
        if citation.ref.startswith("ConfigMap/") and _about(obj, citation):
            yield from ((obj, key) for key, text in fields.strings(obj, "data").items() if citation.value in text)


def _about(obj: object, citation: Citation) -> bool:
    meta = obj.get("metadata") if isinstance(obj, dict) else None
    return isinstance(meta, dict) and citation.ref.endswith(str(meta.get("name")))


def _like(lines: Iterable[str], citation: Citation) -> list[str]:
    """The lines that begin as the citation does; all of them when none does."""
    kept = list(lines)
    start = citation.value[:_SAME]
    return [line for line in kept if line.strip().startswith(start)] or kept
