"""What one line is: the head of a record with its level and message, or a continuation of the record before it."""

from __future__ import annotations

import enum
import json
import re
from dataclasses import dataclass
from typing import Any

from incident_commander.evidence.logs import levels
from incident_commander.evidence.logs.levels import Level


class Kind(enum.IntEnum):
    """What a line does to the record before it."""

    START = 0
    """Begins a record."""
    THROWN = 1
    """An exception's type and message without a timestamp: belongs to an error just before it, or begins a record."""
    TRACEBACK = 2
    """Python's ``Traceback (most recent call last):``, whose exception comes last."""
    CATEGORY = 3
    """.NET's ``fail: Category[0]``, whose message is the next line."""
    INDENTED = 4
    CONTINUED = 5
    """A line that only occurs inside a record: ``Caused by:``, ``goroutine 1 [running]:``, ``DETAIL:``, ``}``."""
    CALL = 6
    """A function of a Go stack (``main.run(0x1, ...)``); a record of its own outside of one."""
    BLANK = 7
    UNREADABLE = 8
    """Binary."""


@dataclass(frozen=True, slots=True)
class Head:
    """``message`` is what templates are made of; ``trace`` a stack trace that came in a field of it."""

    kind: Kind
    level: Level = Level.UNKNOWN
    message: bytes = b""
    trace: tuple[str, ...] = ()
    panics: bool = False
    """A Go or Rust panic: what follows may begin at the line's start and still belong to it."""


_KUBELET = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{8,9}(?:Z|[+-]\d\d:\d\d) (?:std(?:out|err) [FP] )?")
_STAMP = re.compile(
    rb"\[?(?:\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:\s?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
    rb"|\d{1,2}[-/ ][A-Z][a-z]{2}[-/ ]\d{4}[: ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: [+-]\d{4})?"
    rb"|[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d|\d\d:\d\d:\d\d(?:[.,]\d+)?)\]?:?\s*"
)
_ESCAPES = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]")
_POSTGRES = re.compile(rb"(?:\[[\d-]+\] |\S+@\S+ )*(?:\[[\d-]+\] )?(STATEMENT|DETAIL|HINT|CONTEXT|QUERY|LOCATION):  ")
_CONTINUED = re.compile(
    rb"Caused by: |Suppressed: |\.\.\. \d+ (?:more|common frames)|--- End of |---> |at \S+[.(]|goroutine \d+ \["
    rb"|created by \S+[./]|exit status \d|\[signal |During handling of the above|The above exception was the direct"
    rb"|#\d+ |Stack trace:|[}\])]+[;,]?$|note: run with `|note: Some details|stack backtrace:|thrown in "
)
_CALL = re.compile(rb"[\w./\-*()\[\]{}$]+\([^()]*\)$")
_CATEGORY = re.compile(rb"(?:trce|dbug|info|warn|fail|crit): \S+\[\d+\]$")
_PANICS = (b"panic: ", b"fatal error: ", b"runtime: ", b"thread '")
_BINARY = bytes(set(range(32)) - {9, 10, 13, 27}) + b"\x7f"
_MOST_BINARY = 0.1

_MESSAGE = ("message", "msg", "log", "event", "@m", "text", "body")
_LEVEL = ("level", "severity", "lvl", "log.level", "@l", "levelname", "loglevel", "severityText")
_ERROR = ("error", "err", "exception", "cause", "reason", "@x", "error.message")
_TRACE = (
    "stack_trace",
    "stackTrace",
    "stack",
    "stacktrace",
    "exc_info",
    "exception.stacktrace",
    "error.stack_trace",
    "traceback",
)
_ACCESS = ("method", "path", "uri", "status", "status_code", "response_code", "response_flags", "upstream_cluster")
_SERVED = re.compile(rb'(HTTP/[\d.]+"?\s+)([1-5])\d\d\b')
_LONGEST_JSON = 32 * 1024
_TRACE_LINES = 30


def head_of(line: bytes, *, unwrap: bool = True) -> Head:
    """What a line without its end is. Never raises."""
    if is_binary(line):
        return Head(Kind.UNREADABLE)
    text = _ESCAPES.sub(b"", line) if b"\x1b" in line else line
    if found := _KUBELET.match(text):
        text = text[found.end() :]
    text = text.rstrip()
    if not text:
        return Head(Kind.BLANK)
    if text[:1] in b" \t":
        return Head(Kind.INDENTED, message=text.strip())
    if text[:1] == b"{" and len(text) <= _LONGEST_JSON and (found_json := _structured(text, unwrap)) is not None:
        return found_json
    stamp = _STAMP.match(text)
    return _plain(text[stamp.end() :] if stamp is not None else text, stamped=stamp is not None)


def _plain(rest: bytes, *, stamped: bool) -> Head:
    if _CONTINUED.match(rest) or _POSTGRES.match(rest):
        return Head(Kind.CONTINUED, message=rest)
    if rest.startswith(b"Traceback (most recent call last)"):
        return Head(Kind.TRACEBACK, message=rest)
    if not stamped:
        if _CATEGORY.match(rest):
            return Head(Kind.CATEGORY, levels.level_of(rest), rest)
        if levels.thrown(rest):
            fatal = rest.startswith(_PANICS)
            return Head(Kind.THROWN, Level.FATAL if fatal else Level.ERROR, rest, panics=fatal)
        if _CALL.match(rest):
            return Head(Kind.CALL, levels.level_of(rest), rest)
    if (served := _SERVED.search(rest)) is not None:
        shown = rest[: served.end(1)] + served[2] + b"xx" + rest[served.end() :]
        return Head(Kind.START, _served_level(served[2], levels.level_of(rest)), shown)
    return Head(Kind.START, levels.level_of(rest), rest, panics=rest.startswith(_PANICS))


def _served_level(status: bytes, said: Level) -> Level:
    """An access log says no level: what it says is the status."""
    return Level.ERROR if said is Level.UNKNOWN and status == b"5" else said


def _structured(text: bytes, unwrap: bool) -> Head | None:
    """A JSON record, or None when it is none."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    if unwrap and "stream" in record and isinstance(record.get("log"), str):
        return head_of(record["log"].encode("utf-8", "replace"), unwrap=False)  # Docker's json-file
    message = _first(record, _MESSAGE)
    parts = [message] if message else [f"{key}={record[key]}" for key in _ACCESS if key in record]
    error = _first(record, _ERROR)
    if error and error not in message:
        parts.append(f"error={error.splitlines()[0]}")
    shown = " ".join(parts) or " ".join(f"{key}={value}" for key, value in list(record.items())[:16])
    trace = _first(record, _TRACE) or (error if "\n" in error else "")
    level = next((found for key in _LEVEL if (found := levels.of_value(record.get(key)))), Level.UNKNOWN)
    lines = message.splitlines()[1:] + trace.splitlines()
    first = shown.split("\n", 1)[0].encode("utf-8", "replace")
    if level is Level.UNKNOWN and not any(key in record for key in _LEVEL):
        level = levels.level_of(first)
    return Head(Kind.START, level, first, tuple(lines[:_TRACE_LINES]))


def _first(record: dict[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        value = record.get(key)
        if isinstance(value, dict):
            nested = value.get("message") or value.get("msg") or value.get("stack") or value.get("stacktrace")
            kind = value.get("type") or value.get("name") or value.get("class")
            value = f"{kind}: {nested}" if kind and isinstance(nested, str) else nested
        if isinstance(value, list):
            value = "\n".join(str(item) for item in value[:_TRACE_LINES])
        if isinstance(value, str) and value:
            return value
    return ""


def is_binary(line: bytes) -> bool:
    """Whether more than a tenth of the line are control characters."""
    odd = len(line) - len(line.translate(None, _BINARY))
    return odd > _MOST_BINARY * len(line) and odd > 1
