"""What a program says itself, told from what it merely passes on: messages of users, subjects of tickets."""

from __future__ import annotations

import re

from incident_commander.evidence.logs.levels import Level, level_of

_QUOTED = re.compile(
    r"(?:(?<=[\s:(])|(?<![\w.])(?!(?:msg|message|err|error|cause|reason|exception|event|detail|details|stack)=)[\w.-]{1,64}=)"
    r"(?:\"[^\"]*\"|“[^”]*”)",
    re.IGNORECASE,
)


def own_words(line: str) -> str:
    """The line without quotations, where it is no complaint by its own level; else the line itself.

    A program that is troubled may say so at INFO, but it does not put its own trouble between quotation marks: only
    fields that are for that purpose (``msg="..."``), and JSON records, are quoted as a whole.
    """
    if ('"' not in line and "“" not in line) or line.lstrip().startswith("{"):
        return line
    if not Level.UNKNOWN < level_of(line.encode(errors="replace")) <= Level.INFO:
        return line
    return _QUOTED.sub(" ", line)
