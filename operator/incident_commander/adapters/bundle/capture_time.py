"""When a bundle was captured, where it does not say so itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from incident_commander.api.incident import Alert
from incident_commander.evidence import fields
from incident_commander.evidence.trim import event_time
from incident_commander.ports import Object, Series

_EARLIEST, _LATEST = datetime(2014, 6, 6, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Times between which a Kubernetes may have been recorded; zero times and times without end are common."""


def plausible(at: datetime | None) -> datetime | None:
    """The time, if something may have been captured then."""
    return at if at is not None and _EARLIEST < at < _LATEST else None


def newest_fact(
    events: Sequence[Object], alerts: Sequence[Alert], series: Mapping[str, Sequence[Series]]
) -> datetime | None:
    """The newest event, alert or sample."""
    facts = [fields.parse_moment(event_time(e)) for e in events if isinstance(e, dict)]
    found = [at for fact in (*facts, *(a.starts_at for a in alerts)) if (at := plausible(fact))]
    sampled = latest(one.points[-1][0] for many in series.values() for one in many)
    return max([*found, *([sampled] if sampled else [])], default=None)


def latest(seconds: Iterable[float | None]) -> datetime | None:
    """The latest of unix seconds. Files of archives that are always made the same were written at the epoch."""
    found = [at for at in seconds if at is not None and _EARLIEST.timestamp() < at < _LATEST.timestamp()]
    return datetime.fromtimestamp(max(found), UTC) if found else None
