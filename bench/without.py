"""Evidence with parts of it taken away: what a diagnosis is worth when they were never saved."""

from __future__ import annotations

import argparse
from dataclasses import replace

from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.evidence.evidence import Evidence

_RESOURCES = {kind.plural: kind.resource for kind in vars(kinds).values() if isinstance(kind, Kind)}
_OTHERS = frozenset({"extra", "logs", "metrics", "alerts"})


def parts(text: str) -> frozenset[str]:
    """``events,logs`` as a set; plurals of kinds become names of resources.

    Raises argparse.ArgumentTypeError for a name that nothing has.
    """
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if unknown := sorted(names - _OTHERS - _RESOURCES.keys()):
        known = f"{', '.join(sorted(_OTHERS))}, or plurals of kinds such as events and replicasets"
        raise argparse.ArgumentTypeError(f"nothing is called {', '.join(unknown)}; known: {known}")
    return frozenset(_RESOURCES.get(name, name) for name in names)


def without(left_out: frozenset[str], evidence: Evidence) -> Evidence:
    """The same evidence, as if ``left_out`` (names of ``parts``) had not been saved. Resources count as not asked."""
    return replace(
        evidence,
        objects={resource: objects for resource, objects in evidence.objects.items() if resource not in left_out},
        notes=() if "extra" in left_out else evidence.notes,
        logs=() if "logs" in left_out else evidence.logs,
        metrics={} if "metrics" in left_out else evidence.metrics,
        series={} if "metrics" in left_out else evidence.series,
        alerts=() if "alerts" in left_out else evidence.alerts,
    )
