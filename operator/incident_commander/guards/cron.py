"""Five-field cron, as far as freeze windows need it: does a minute match?

Own code, because a freeze window asks the opposite of what cron libraries answer (not "when next" but "did it
start within the last hours, in that time zone, across a change of the clocks"), and that is a small question.
Syntax: ``crontab(5)``: lists, ranges, steps, names of months and days, 0 and 7 for Sunday.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The minutes at which something starts."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    either_day: bool
    """Both day fields are restricted: then one of them matching is enough."""

    def matches(self, local: datetime) -> bool:
        """Whether this wall-clock minute is one of them."""
        if local.minute not in self.minutes or local.hour not in self.hours or local.month not in self.months:
            return False
        day, weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return day or weekday if self.either_day else day and weekday


def parse(text: str) -> Schedule:
    """Raises ``ValueError`` that names the field and what is allowed in it."""
    fields = _MACROS.get(text.strip().lower(), text).split()
    if len(fields) != 5:
        raise ValueError(f"{text!r} has {len(fields)} fields; cron has five: minute hour day month weekday")
    minute, hour, day, month, weekday = fields
    weekdays = _field("weekday", weekday, 0, 7, _DAYS, 0)
    return Schedule(
        minutes=_field("minute", minute, 0, 59),
        hours=_field("hour", hour, 0, 23),
        days=_field("day", day, 1, 31),
        months=_field("month", month, 1, 12, _MONTHS, 1),
        weekdays=frozenset(d % 7 for d in weekdays),
        either_day=not day.startswith("*") and not weekday.startswith("*"),
    )


def latest_start(schedule: Schedule, zone: tzinfo, now: datetime, within: timedelta) -> datetime | None:
    """The latest start in ``(now - within, now]``, or None.

    A wall-clock minute that the clocks skip counts as starting when they skip it; one that comes twice
    starts twice.
    """
    moment = now.replace(second=0, microsecond=0)
    while now - moment < within:
        local = moment.astimezone(zone).replace(tzinfo=None)
        before = (moment - _MINUTE).astimezone(zone).replace(tzinfo=None)
        skipped = max(0, int((local - before) / _MINUTE) - 1)
        if any(schedule.matches(local - n * _MINUTE) for n in range(skipped + 1)):
            return moment
        moment -= _MINUTE
    return None


def _field(name: str, text: str, low: int, high: int, names: tuple[str, ...] = (), first: int = 0) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step_text = part.partition("/")
        step = _number(name, step_text, 1, high) if "/" in part else 1
        if span == "*":
            start, end = low, high
        else:
            one, dash, other = span.partition("-")
            start = _number(name, one, low, high, names, first)
            alone = high if "/" in part else start
            end = _number(name, other, low, high, names, first) if dash else alone
        if start > end:
            raise ValueError(f"{name} {part!r} runs backwards")
        found.update(range(start, end + 1, step))
    return frozenset(found)


def _number(name: str, text: str, low: int, high: int, names: tuple[str, ...] = (), first: int = 0) -> int:
    if text.lower() in names:
        return names.index(text.lower()) + first
    if text.isascii() and text.isdigit() and len(text) <= 2 and low <= int(text) <= high:
        return int(text)
    allowed = f"{low}-{high}" + (f" or {names[0]}-{names[-1]}" if names else "")
    raise ValueError(f"{name} {text!r} is not {allowed}")
