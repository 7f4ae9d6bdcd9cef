"""One line of the doctor's report."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdict(enum.StrEnum):
    """How a check ended. What could not be looked at is never fine."""

    FAIL = "FAIL"
    """Alerts, decisions or fixes will not work until it is mended."""
    UNKNOWN = "UNKNOWN"
    """It could not be looked at; the message says why."""
    WARN = "WARN"
    """It works, and less well or less safely than it should."""
    SKIPPED = "SKIPPED"
    """It needs an option that was not given, or an installation that is not there yet."""
    OK = "OK"


@dataclass(frozen=True, slots=True)
class Finding:
    """``message`` says what was found; ``advice`` what to do, empty where nothing is to be done."""

    check: str
    verdict: Verdict
    message: str
    advice: str = ""


def ok(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, message)


def warn(check: str, message: str, advice: str) -> Finding:
    """Should be mended."""
    return Finding(check, Verdict.WARN, message, advice)


def fail(check: str, message: str, advice: str) -> Finding:
    """Must be mended."""
    return Finding(check, Verdict.FAIL, message, advice)


def unknown(check: str, message: str, advice: str) -> Finding:
    """Could not be looked at."""
    return Finding(check, Verdict.UNKNOWN, message, advice)


def skipped(check: str, message: str, advice: str = "") -> Finding:
    """Was not looked at."""
    return Finding(check, Verdict.SKIPPED, message, advice)
