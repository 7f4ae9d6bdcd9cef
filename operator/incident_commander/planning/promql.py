"""PromQL that can certainly not be parsed, told without a Prometheus: brackets, strings and operators that lack an end.

Whatever is not refused here may still be refused by Prometheus, whose grammar grows; then a check is Inconclusive.
"""

from __future__ import annotations

from collections.abc import Sequence

from incident_commander.api.plan import PromQLCheck
from incident_commander.api.runbook import Runbook

_CLOSES = {")": "(", "]": "[", "}": "{"}
_QUOTES = "\"'`"
_OPERATORS = ("+", "-", "*", "/", "%", "^", "=", "<", ">", "~", "!", ",", " and", " or", " unless", " by", " offset")


def unparsable(query: str) -> str:
    """Why the query cannot be parsed, with the column (1 is the first); empty when nothing is found."""
    open_: list[tuple[str, int]] = []
    text, place = "", 0
    while place < len(query):
        character = query[place]
        if character in _QUOTES:
            end = _end_of_string(query, place)
            if end < 0:
                return f"the string that begins at column {place + 1} has no end"
            text, place = text + "s", end + 1
            continue
        if character == "#":
            newline = query.find("\n", place)
            place = len(query) if newline < 0 else newline
            continue
        if character in _CLOSES.values():
            open_.append((character, place))
        elif character in _CLOSES and (not open_ or open_.pop()[0] != _CLOSES[character]):
            return f"{character!r} at column {place + 1} closes nothing"
        text += character
        place += 1
    if open_:
        return f"{open_[-1][0]!r} at column {open_[-1][1] + 1} is never closed"
    if not text.strip():
        return "there is no expression"
    last = next((operator for operator in _OPERATORS if text.rstrip().endswith(operator)), "")
    return f"nothing follows {last.strip()!r} at its end" if last else ""


def unparsable_checks(checks: Sequence[PromQLCheck], where: str) -> list[str]:
    """A sentence for each check whose query cannot be parsed; ``where`` is the path of the list."""
    found = ((index, check, unparsable(check.query)) for index, check in enumerate(checks))
    return [f"{where}[{index}].query of {check.name!r}: {problem}" for index, check, problem in found if problem]


def unmeasurable(runbook: Runbook) -> list[str]:
    """The same for the verification of a runbook."""
    where = f"Runbook {runbook.metadata.name}: spec.verification.promql"
    return unparsable_checks(runbook.spec.verification.promql, where)


def _end_of_string(query: str, start: int) -> int:
    """Place of the closing quote, or -1."""
    quote, place = query[start], start + 1
    while place < len(query):
        if query[place] == "\\" and quote != "`":
            place += 1
        elif query[place] == quote:
            return place
        place += 1
    return -1
