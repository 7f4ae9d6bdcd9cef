"""Whether a citation can be found again in the evidence that it was made from."""

from __future__ import annotations

import json

from incident_commander.api.statement import Citation, CitationKind
from incident_commander.evidence import fields
from incident_commander.evidence.citing import value_at
from incident_commander.evidence.evidence import Evidence, Log, reference
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object


def unfounded(citation: Citation, evidence: Evidence) -> bool:
    """Whether nothing in the evidence says what the citation says it does."""
    check = {
        CitationKind.OBJECT: _object,
        CitationKind.EVENT: _event,
        CitationKind.LOG: _log,
        CitationKind.NOTE: _note,
        CitationKind.METRIC: _metric,
        CitationKind.ALERT: _alert,
    }[citation.kind]
    return not check(citation, evidence)


def _object(citation: Citation, evidence: Evidence) -> bool:
    return any(
        clean_line(reference(obj))[:1024] == citation.ref and _shown(obj, citation.path).startswith(citation.value)
        for objects in evidence.objects.values()
        for obj in objects
        if fields.name(obj) and citation.ref.endswith(fields.name(obj)[-200:])
    )


def _shown(obj: Object, path: str) -> str:
    found = value_at(obj, path)
    return clean_line(found if isinstance(found, str) else json.dumps(found, sort_keys=True, default=str))


def _event(citation: Citation, evidence: Evidence) -> bool:
    return any(
        clean_line(fields.text(event, "reason")) == citation.path
        and clean_line(fields.text(event, "message")).startswith(citation.value)
        and citation.ref.endswith(clean_line(fields.text(event, "involvedObject", "name")))
        for event in evidence.objects.get("events", ())
    )


def _log(citation: Citation, evidence: Evidence) -> bool:
    return any(
        clean_line(line).startswith(citation.value) for log in evidence.logs if _of(log, citation) for line in log.lines
    )


def _of(log: Log, citation: Citation) -> bool:
    previous = ":previous" if log.previous else ""
    return clean_line(f"Pod/{log.namespace}/{log.pod}/{log.container}{previous}") == citation.ref


def _note(citation: Citation, evidence: Evidence) -> bool:
    return any(
        clean_line(line).startswith(citation.value)
        for note in evidence.notes
        if clean_line(note.name) == citation.ref
        for line in note.lines
    )


def _metric(citation: Citation, evidence: Evidence) -> bool:
    named = citation.path in evidence.series or any(m.query.name == citation.path for m in evidence.metrics.values())
    return named and any(c.isdigit() for c in citation.value)


def _alert(citation: Citation, evidence: Evidence) -> bool:
    return any(
        clean_line(alert.name) == citation.ref
        and any(
            clean_line(text).startswith(citation.value)
            for text in (*alert.annotations.values(), str(dict(alert.labels)))
        )
        for alert in evidence.alerts
    )
