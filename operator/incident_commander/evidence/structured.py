"""Log records that are JSON objects: what they say, and how they are shortened without losing it.

pino, winston, bunyan, zap, logrus, slog, zerolog, structlog, Serilog, logback: each writes one object on a line, and
the request or the context often stands before the message, longer than what can be shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from incident_commander.evidence.redaction.redactor import Redactor

LARGEST = 32 * 1024
"""Characters of a line that is taken apart."""

_BEGINS = re.compile(r"[^{\"]{0,120}(?=\{\s*\")")
"""What a container runtime or a logger may write before the record: time, stream, level."""
_ERRORS = ("err", "error", "exception", "exc", "cause", "@x", "innerException", "inner", "error.message")
_ERRORS_TEXT = ("error.message", "exception.message", "exception_message", "errorMessage", "error_message", "detail")
_MESSAGES = ("message", "msg", "@m", "@mt", "event", "log", "text", "body", "reason")
_TRACED = ("exc_info", "stack_trace", "stackTrace", "stack", "error.stack_trace", "exception.stacktrace")
_TRACES = re.compile(r"stack|trace|exc_info|backtrace", re.IGNORECASE)
_DEEPEST = 6
_REDACTOR = Redactor()
_CUT = "…"
_CUT_WRITTEN = 6
"""Characters of it in JSON, where that escapes it."""
_LEAST = 24
"""Characters that are left of a value that is shortened."""


def message_of(line: str, limit: int = 400) -> str:
    """What the record on a line says, the innermost error first; of a line that is no JSON record, the line itself.

    At most ``limit`` characters, shortened in the middle.
    """
    _, record = _taken_apart(line)
    said = list(dict.fromkeys(_said(record, 0))) if record is not None else []
    return shortened("; ".join(said) if said else line.strip(), limit)


def shortened(text: str, limit: int) -> str:
    """The beginning and the end, where the text is longer. Secrets go first: half of one is not recognised any more."""
    if len(text) <= limit or len(text := _REDACTOR.text(text)) <= limit:
        return text
    head = (limit - 1) * 2 // 3
    return f"{text[:head]}{_CUT}{text[len(text) - (limit - 1 - head) :]}"


def abridged(line: str, limit: int) -> str | None:
    """The record on a line in at most ``limit`` characters, as JSON with the same keys in the same order.

    What is no message goes first, the longest first, stack traces among it; messages are shortened last. None: the line
    is no JSON record, or one that cannot be made so short.
    """
    before, record = _taken_apart(line)
    if record is None:
        return None
    dumped = _Dumped(line)
    for kept in (_LEAST, 8):
        for values in (_others(record, (dict, list)), _traces(record, 0), _others(record, str), _messages(record, 0)):
            by_size = sorted(values, key=lambda place: -len(dumped.text(place[0][place[1]])))
            for holder, key in by_size:
                over = len(before) + len(dumped.text(record)) - limit
                if over <= 0:
                    return before + dumped.text(record)
                holder[key] = _smaller(holder[key], over, kept)
    shown = before + dumped.text(record)
    return shown if len(shown) <= limit else None


class _Dumped:
    """Written as the line is: with spaces or without, with characters or their escapes."""

    def __init__(self, line: str) -> None:
        self._separators = (", ", ": ") if '": ' in line else (",", ":")
        self._ascii = "\\u" in line

    def text(self, value: Any) -> str:
        return json.dumps(value, separators=self._separators, ensure_ascii=self._ascii)


def _smaller(value: Any, over: int, least: int) -> Any:
    if not isinstance(value, str):
        return value if isinstance(value, (int, float)) or value is None else _CUT
    return shortened(value, max(least, len(value) - over - _CUT_WRITTEN))


def _taken_apart(line: str) -> tuple[str, dict[str, Any] | None]:
    begins = _BEGINS.match(line)
    if begins is None or len(line) > LARGEST:
        return "", None
    try:
        record = json.loads(line[begins.end() :], strict=False)
    except (ValueError, RecursionError):
        return "", None
    return begins[0], record if isinstance(record, dict) else None


def _said(record: dict[str, Any], depth: int) -> Iterator[str]:
    """The messages of a record, those of what it names as its error or cause first."""
    if depth > _DEEPEST:
        return
    for key in _ERRORS:
        yield from _of_error(record.get(key), depth)
    for key in _TRACED:
        if isinstance(value := record.get(key), str) and value.strip() and _innermost(value) != value.split("\n", 1)[0]:
            yield _innermost(value)
    for key in (*_ERRORS_TEXT, *_MESSAGES):
        if isinstance(value := record.get(key), str) and value.strip():
            yield _innermost(value)


def _innermost(text: str) -> str:
    """Of an exception with its trace the line that says what went wrong first; of other text the first line.

    Of a first line that announces more, such as a list of what was tried, the last as well.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines[0].startswith("Traceback "):
        return lines[-1]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    if causes:
        return causes[-1]
    # A list of attempts: what the last one met.
    return f"{lines[0]} {lines[-1]}" if lines[0].endswith(":") and len(lines) > 1 else lines[0]


def _of_error(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _said(value, depth + 1)
    elif isinstance(value, list):
        for one in value[:3]:
            yield from _of_error(one, depth + 1)
    elif isinstance(value, str) and value.strip():
        yield _innermost(value)


Place = tuple[Any, Any]
"""A dictionary or list, and where in it a value stands."""


def _bears(key: str) -> bool:
    return key in _MESSAGES or key in _ERRORS or key in _ERRORS_TEXT


def _others(record: dict[str, Any], kinds: type | tuple[type, ...]) -> list[Place]:
    own = ((key, value) for key, value in record.items() if isinstance(value, kinds) and _long(value))
    return [(record, key) for key, _ in own if not _bears(key) and not _TRACES.search(key)]


def _long(value: Any) -> bool:
    return isinstance(value, (dict, list)) or (isinstance(value, str) and len(value) > _LEAST)


def _traces(record: dict[str, Any], depth: int) -> list[Place]:
    """Traces, and beside the messages of nested errors all that is no message."""
    found: list[Place] = []
    for key, value in record.items():
        if _TRACES.search(key) or (depth and not _bears(key) and _long(value)):
            found.append((record, key))
        elif key in _ERRORS and isinstance(value, dict) and depth < _DEEPEST:
            found += _traces(value, depth + 1)
    return found


def _messages(record: dict[str, Any], depth: int) -> list[Place]:
    found: list[Place] = []
    for key, value in record.items():
        if not _bears(key):
            continue
        if isinstance(value, dict) and depth < _DEEPEST:
            found += _messages(value, depth + 1)
        elif _long(value):
            found.append((record, key))
    return found
