"""Log text as lines that can be shown: no escape sequences, no control characters, no endless lines."""

from __future__ import annotations

import re

from incident_commander.evidence.structured import LARGEST, abridged

MAX_LINE = 2000
"""Characters kept of one line."""

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?"  # OSC: titles, links
    r"|\x1b[PX^_][^\x1b]{0,4096}(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]"
)
_SPACE = re.compile(r"[\t\n\r\x0b\x0c\x85]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def clean_line(line: str) -> str:
    """The line without terminal escapes, control and direction characters, at most ``MAX_LINE`` long.

    A longer JSON record loses what is no message first, and stays JSON.
    """
    if MAX_LINE < len(line) <= LARGEST and (short := abridged(line, MAX_LINE)) is not None:
        line = short
    bounded = line[: 4 * MAX_LINE]
    text = _CONTROL.sub("", _SPACE.sub(" ", _ESCAPES.sub("", bounded))).strip()
    return text if len(text) <= MAX_LINE else text[: MAX_LINE - 1] + "…"


def clean_lines(text: str, most: int) -> tuple[str, ...]:
    """The last ``most`` lines that are not empty."""
    return tuple(line for _, line in numbered_lines(text, most))


def numbered_lines(text: str, most: int) -> list[tuple[int, str]]:
    """The same, each with its number, counted from 1."""
    lines = text.split("\n")
    first = max(0, len(lines) - 4 * most)
    cleaned = ((number, clean_line(line)) for number, line in enumerate(lines[first:], first + 1))
    return [(number, line) for number, line in cleaned if line][-most:]
