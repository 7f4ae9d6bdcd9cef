"""How bad a log record says it is, in whatever way its library writes it."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping


class Level(enum.IntEnum):
    """In rising order. UNKNOWN: the record does not say."""

    UNKNOWN = 0
    TRACE = 10
    DEBUG = 20
    INFO = 30
    WARN = 40
    ERROR = 50
    FATAL = 60


_WORDS: Mapping[bytes, Level] = {
    **dict.fromkeys((b"trace", b"trce", b"verbose", b"verb", b"finest", b"finer", b"all"), Level.TRACE),
    **dict.fromkeys((b"debug", b"dbug", b"debug1", b"debug2", b"fine", b"dbg", b"d"), Level.DEBUG),
    **dict.fromkeys(
        (b"info", b"information", b"informational", b"notice", b"note", b"inf", b"config", b"i", b"system"), Level.INFO
    ),
    **dict.fromkeys((b"warn", b"warning", b"wrn", b"w"), Level.WARN),
    **dict.fromkeys((b"error", b"err", b"fail", b"severe", b"eror", b"e"), Level.ERROR),
    **dict.fromkeys(
        (b"fatal", b"critical", b"crit", b"panic", b"emerg", b"emergency", b"alert", b"dpanic", b"ftl", b"f", b"c"),
        Level.FATAL,
    ),
}
_LETTERS = {b"E": Level.ERROR, b"W": Level.WARN, b"I": Level.INFO, b"F": Level.FATAL, b"D": Level.DEBUG}
_NUMBERED = (
    (60, Level.FATAL),
    (50, Level.ERROR),
    (40, Level.WARN),
    (30, Level.INFO),
    (20, Level.DEBUG),
    (10, Level.TRACE),
)

_LOGFMT = re.compile(rb'(?:^|[\s{,])"?(?:level|lvl|severity|loglevel)"?[=:]\s*"?([A-Za-z]+)', re.IGNORECASE)
_BRACKETED = re.compile(
    rb"[\[<(|]\s?(trace|debug|info|notice|note|warn|warning|error|err|fatal|critical|crit|alert|emerg|panic|system)\s?[\]>)|]",
    re.IGNORECASE,
)
_UPPER = re.compile(
    rb"(?<![\w.])(TRACE|DEBUG\d?|INFO|NOTICE|WARN|WARNING|ERROR|ERR|SEVERE|FATAL|CRITICAL|CRIT|PANIC|EMERG)(?![\w.(=])"
)
_DOTNET = re.compile(rb"(trce|dbug|info|warn|fail|crit): ")
_LOWER = re.compile(
    rb"(trace|debug|info|notice|warn|warning|error|err|fatal|critical|panic)(?:\[[^\]]*\])?:? ", re.IGNORECASE
)
_LETTER = re.compile(rb"([EWIFD])(?:\d{4} |, \[)|\s([EWIFD])\s")
_THROWN = re.compile(
    rb"(?:[\w$]+[./:])*[\w$]*(?:Exception|Error|Throwable|Failure)\b(?=:|$| \(|\s*\[)"
    rb"|(?:panic|fatal error): |thread '[^']*' panicked at |PHP Fatal error|Unhandled exception|Uncaught |"
    rb"Exception in thread |Unhandled Rejection|\S+:\d+:in [`']"
)

SEARCHED = 160
"""Bytes of a record's head in which a level is looked for: later words are part of the message."""


def named(word: bytes) -> Level:
    """The level of a word such as ``warn`` or ``ERROR``; UNKNOWN for any other word."""
    return _WORDS.get(word.lower(), Level.UNKNOWN)


def of_number(number: float) -> Level:
    """The level of a number as pino and bunyan write it (10 trace ... 60 fatal)."""
    return next((level for least, level in _NUMBERED if number >= least), Level.UNKNOWN)


def of_value(value: object) -> Level:
    """The level of a field of a structured record."""
    if isinstance(value, bool) or value is None:
        return Level.UNKNOWN
    if isinstance(value, (int, float)):
        return of_number(value)
    return named(str(value).encode("utf-8", "replace"))


def level_of(head: bytes) -> Level:
    """The level in the first line of a record, whose timestamp was taken off."""
    text = head[:SEARCHED]
    if (found := _DOTNET.match(text)) or (found := _LOGFMT.search(text)):
        return named(found[1])
    if found := _LETTER.match(text):
        return _LETTERS[found[1] or found[2]]
    if found := _BRACKETED.search(text):
        return named(found[1])
    if found := _UPPER.search(text):
        return named(found[1])
    if thrown(text):
        return Level.ERROR
    if found := _LOWER.match(text):
        return named(found[1])
    return Level.UNKNOWN


def thrown(text: bytes) -> bool:
    """Whether the line is what a runtime prints of an exception or panic, with its type in front."""
    return _THROWN.match(text) is not None
