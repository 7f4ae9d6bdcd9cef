"""What could not be seen, and why: one sentence for everything that was refused in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from incident_commander.evidence.lines import clean_line

_NAMED, _SHOWN = 100, 12
"""Names that one gap has, and how many of them are shown where room is short."""


class Gaps:
    """Collected while something is gathered; in the order of the first of each reason."""

    def __init__(self) -> None:
        self._by_reason: dict[str, list[str]] = {}

    def add(self, why: str, what: str = "") -> None:
        """One more. ``what`` empty: the reason says it all."""
        self._by_reason.setdefault(clean_line(why)[:400], []).append(clean_line(what)[:200])

    def listed(self, most: int) -> list[str]:
        """At most ``most`` sentences, and one that says how many more there are."""
        found = [_joined(what, why) for why, what in self._by_reason.items()]
        shown = found[:most]
        if len(found) > len(shown):
            shown.append(f"and {len(found) - len(shown)} more gaps")
        return shown


def _joined(what: Sequence[str], why: str) -> str:
    named = [name for name in what if name]
    return f"{_listed(named, _NAMED)}: {why}" if named else why


def _listed(named: Sequence[str], most: int) -> str:
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more


def shortened(gap: str) -> str:
    """A gap with the first of its names only."""
    what, colon, why = gap.partition(": ")
    return f"{_listed(what.split(', '), _SHOWN)}{colon}{why}" if colon else gap
