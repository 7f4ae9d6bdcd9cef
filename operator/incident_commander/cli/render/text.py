"""The one door through which text of others reaches the terminal.

Alert labels, log lines, image names and votes are written by whoever can write to the cluster. Escape
sequences in them could clear the screen, forge a verdict or set the clipboard; bidirectional overrides can
make a diff read as its opposite.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

from rich.text import Text

_HOSTILE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, format characters (bidirectional, zero width), surrogates, private and unassigned, line separators."""


def safe(value: object, limit: int = 2000) -> str:
    """One line of printable text: everything else is shown as its Python escape.

    Longer text is cut at ``limit`` characters and ends in ``…``.
    """
    text = str(value)
    cut = text[:limit]
    shown = "".join(_escaped(char) for char in cut)
    return shown if len(text) <= limit else f"{shown}…"


def safe_lines(value: object, limit: int = 8000) -> list[str]:
    """The same for text that may have several lines."""
    return [safe(line, limit) for line in str(value)[:limit].split("\n")]


def styled(value: object, style: str = "", limit: int = 2000) -> Text:
    """Safe text in a style. Never parsed for markup."""
    return Text(safe(value, limit), style=style)


def clock(value: datetime) -> str:
    """Time of day in UTC, to the second."""
    return value.strftime("%H:%M:%SZ")


def when(value: datetime, day: datetime) -> str:
    """Time of day in UTC; with the date when it is not that of ``day``."""
    return clock(value) if value.astimezone(UTC).date() == day.astimezone(UTC).date() else moment(value)


def moment(value: datetime) -> str:
    """Date and time in UTC, to the second."""
    return value.strftime("%Y-%m-%d %H:%M:%SZ")


def duration(value: timedelta) -> str:
    """``45s``, ``4m12s``, ``3h05m``, ``2d4h``; as kubectl writes ages. Less than a second is ``0s``."""
    seconds = max(int(value.total_seconds()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 60:
        return f"{seconds}s"
    if minutes < 60:
        return f"{minutes}m{seconds % 60:02d}s" if seconds % 60 else f"{minutes}m"
    if hours < 24:
        return f"{hours}h{minutes % 60:02d}m" if minutes % 60 else f"{hours}h"
    return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"


def _escaped(char: str) -> str:
    if unicodedata.category(char) not in _HOSTILE:
        return char
    code = ord(char)
    if char in "\n\t\r":
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
