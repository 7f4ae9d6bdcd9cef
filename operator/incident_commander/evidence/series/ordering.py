"""Which of several series moved first, as far as their samples can tell."""

from __future__ import annotations

from collections.abc import Mapping

from incident_commander.evidence.series.changes import Change


def moved_first(changes: Mapping[str, Change]) -> tuple[tuple[str, ...], ...]:
    """Names in the order in which their changes began.

    Those of one group cannot be told apart: when each began is only known to lie between two samples. Every change of
    a group certainly began before some change of the next one ends to be possible.
    """
    left = dict(changes)
    groups = []
    while left:
        by_then = min(change.latest for change in left.values())
        group = sorted(
            (name for name, change in left.items() if change.earliest < by_then or change.latest == by_then),
            key=lambda name: (left[name].at, name),
        )
        groups.append(tuple(group))
        for name in group:
            del left[name]
    return tuple(groups)
