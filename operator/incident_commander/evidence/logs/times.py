"""Timestamps at the start of log lines, as the usual libraries write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_MONTHS = {
    name: place
    for place, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], start=1
    )
}
_CLOCK = r"(?P<h>\d{2}):(?P<m>\d{2}):(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?"
_ZONE = r"\s?(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"(?P<Y>\d{{4}})[-/](?P<M>\d{{2}})[-/](?P<D>\d{{2}})[T ]{_CLOCK}{_ZONE}",
        rf"(?P<D>\d{{1,2}})[-/ ](?P<B>[A-Z][a-z]{{2}})[-/ ](?P<Y>\d{{4}})[: ]{_CLOCK}{_ZONE}",
    )
)
_EPOCH = re.compile(r'"?(?:ts|time|timestamp|@timestamp|t)"?[=:]\s?"?(?P<e>\d{10}(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?)\b')
_SEARCHED = 600


def time_in(line: bytes) -> datetime | None:
    """The first timestamp near the start of a line, or None where there is none that tells the year.

    A timestamp without a zone is taken as UTC: that is what containers are set to.
    """
    text = line[:_SEARCHED].decode("ascii", "replace")
    found = [match for form in _FORMS if (match := form.search(text)) is not None]
    if found:
        return _read(min(found, key=lambda match: match.start()))
    epoch = _EPOCH.search(text)
    return of_epoch(float(epoch["e"])) if epoch is not None else None


def names_zone(line: bytes) -> bool:
    """Whether the timestamp that ``time_in`` reads says by which clock it is: a zone, or seconds since 1970."""
    text = line[:_SEARCHED].decode("ascii", "replace")
    found = [match for form in _FORMS if (match := form.search(text)) is not None]
    return bool(min(found, key=lambda match: match.start())["z"]) if found else _EPOCH.search(text) is not None


def of_epoch(number: float) -> datetime | None:
    """Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by size."""
    for unit in (1.0, 1e3, 1e6, 1e9):
        if 1e8 <= number / unit < 1e10:
            return datetime.fromtimestamp(number / unit, UTC)
    return None


def _read(match: re.Match[str]) -> datetime | None:
    part = match.groupdict()
    month = int(part["M"]) if part.get("M") else _MONTHS.get(part["B"], 0)
    micro = int((part["f"] or "0")[:6].ljust(6, "0"))
    clock = (int(part["h"]), int(part["m"]), int(part["s"]), micro)
    try:
        return datetime(int(part["Y"]), month, int(part["D"]), *clock, tzinfo=_zone(part["z"])).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> timezone:
    if not text or text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-shift if text[0] == "-" else shift)
