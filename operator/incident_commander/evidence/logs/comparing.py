"""A log against a baseline: the previous container's, or a healthy sibling's."""

from __future__ import annotations

from collections.abc import Sequence

from incident_commander.evidence.logs.levels import Level
from incident_commander.evidence.logs.summary import LogSummary, Template
from incident_commander.evidence.logs.templates import alike

RARE_SHARE = 0.001
RARE_RECORDS = 200
"""In a shorter log everything is rare."""


def missing_in(templates: Sequence[Template], other: Sequence[Template]) -> tuple[Template, ...]:
    """Those that no template of ``other`` is like. Levels count: the same words as an error are another template."""
    shapes: dict[tuple[Level, int], list[list[bytes]]] = {}
    for template in other:
        tokens = template.text.encode().split()
        shapes.setdefault((template.level, len(tokens)), []).append(tokens)
    found = []
    for template in templates:
        tokens = template.text.encode().split()
        if not any(alike(tokens, known) for known in shapes.get((template.level, len(tokens)), ())):
            found.append(template)
    return tuple(found)


def rare_of(summary: LogSummary) -> tuple[Template, ...]:
    """See ``LogSummary.rare``."""
    if summary.records < RARE_RECORDS:
        return ()
    most = max(1, int(summary.records * RARE_SHARE))
    return tuple(t for t in summary.templates if t.count <= most and t.level >= Level.WARN)
