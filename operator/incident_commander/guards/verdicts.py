"""Short ways to say yes and no."""

from __future__ import annotations

from datetime import datetime

from incident_commander.guards.guard import GuardVerdict


def allow(reason: str, message: str = "") -> GuardVerdict:
    """The guard has nothing against it."""
    return GuardVerdict(allowed=True, reason=reason, message=message)


def deny(reason: str, message: str, *, retry_at: datetime | None = None) -> GuardVerdict:
    """Not now (``retry_at``), or not at all."""
    return GuardVerdict(allowed=False, reason=reason, message=message, retry_at=retry_at)
