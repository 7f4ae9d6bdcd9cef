"""No freeze window is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from incident_commander.api.policy import FreezeWindow
from incident_commander.evidence.fields import parse_moment
from incident_commander.guards import cron
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.verdicts import allow, deny


@dataclass(frozen=True, slots=True)
class Frozen:
    """A window that is on, until then (UTC)."""

    window: str
    until: datetime


def not_frozen(given: GuardInput) -> GuardVerdict:
    """A window that cannot be understood freezes: it was written to keep us from acting."""
    if given.undoing:
        return allow("Undoing")
    windows = given.policy.spec.freeze_windows if given.policy is not None else []
    try:
        frozen = active_freeze(windows, given.now)
    except ValueError as error:
        return deny("FreezeWindowInvalid", f"{error}; nothing is done until it is mended in the policy")
    if frozen is None:
        return allow("NotFrozen")
    return deny(
        "FreezeWindow",
        f"freeze window {frozen.window} is on until {frozen.until:%Y-%m-%d %H:%M} UTC",
        retry_at=frozen.until,
    )


def active_freeze(windows: Sequence[FreezeWindow], now: datetime) -> Frozen | None:
    """The window that is on now and ends last, or None.

    Raises ``ValueError`` for a window that cannot be understood, on or not.
    """
    active = [Frozen(w.name, end) for w in windows if (end := _end(w, now)) is not None]
    return max(active, key=lambda f: f.until, default=None)


def _end(window: FreezeWindow, now: datetime) -> datetime | None:
    if window.schedule is not None:
        if window.duration_minutes is None:
            raise ValueError(f"freeze window {window.name}: a schedule needs durationMinutes")
        length = timedelta(minutes=window.duration_minutes)
        try:
            schedule = cron.parse(window.schedule)
        except ValueError as error:
            raise ValueError(f"freeze window {window.name}: schedule: {error}") from error
        start = cron.latest_start(schedule, _zone(window), now, length)
        return None if start is None else start + length
    start, end = _moment(window, "from", window.from_), _moment(window, "until", window.until)
    if end <= start:
        raise ValueError(f"freeze window {window.name}: until is not after from")
    return end if start <= now < end else None


def _zone(window: FreezeWindow) -> tzinfo:
    try:
        return UTC if window.timezone == "UTC" else ZoneInfo(window.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"freeze window {window.name}: timezone {window.timezone!r} is not known; write an IANA name such as"
            " Europe/Berlin"
        ) from error


def _moment(window: FreezeWindow, field: str, text: str | None) -> datetime:
    found = parse_moment(text or "")
    if found is None:
        raise ValueError(
            f"freeze window {window.name}: {field} is {text!r}; write RFC 3339 (2026-01-31T12:00:00Z), or a schedule"
        )
    return found
