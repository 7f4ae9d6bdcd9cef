"""Whether every alert that was acknowledged is recorded or counted in a stored Incident."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.flood import STARTS_AT
from incident_commander.intake.fingerprint import firing_key
from incident_commander.intake.known import known_incident


@dataclass(frozen=True, slots=True)
class Account:
    """What the stored Incidents say about a storm, in alerts."""

    recorded: int
    """In ``spec.alerts``."""
    counted: int
    """In ``spec.omittedAlerts``."""
    lost: int
    """Acknowledged, and neither recorded nor counted."""
    again: int
    """Counted more than once."""


def account(acknowledged: Collection[str], incidents: Sequence[dict[str, Any]]) -> Account:
    """Of alerts of a ``flood``, by fingerprint; by number where an Incident tells counted ones apart no longer."""
    known = [known_incident(incident) for incident in incidents]
    recorded = {fingerprint for one in known for fingerprint in one.alerts}
    counted = sum(one.omitted.total for one in known)
    told_apart = frozenset[bytes]().union(*(one.omitted.firings for one in known))
    starts_at = datetime.fromisoformat(STARTS_AT)
    unknown = [f for f in acknowledged if f not in recorded and firing_key(f, starts_at) not in told_apart]
    only_counted = counted - sum(len(one.omitted.firings) for one in known)
    places = sum(len(one.alerts) for one in known)
    return Account(
        recorded=places,
        counted=counted,
        lost=max(0, len(unknown) - only_counted),
        again=max(0, places + counted - len(acknowledged)),
    )
