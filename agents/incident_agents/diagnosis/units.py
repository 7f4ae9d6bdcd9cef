"""Services of nodes as systemd sees them, when somebody saved ``systemctl status`` beside the objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from incident_agents.diagnosis.case import Case
from incident_commander.api import kinds
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Note
from incident_commander.ports import Object

_UNIT = re.compile(r"(?P<unit>[A-Za-z0-9@_.-]{1,80})\.service\b")
_ACTIVE = re.compile(r"^\s*Active: (?P<state>inactive|failed|activating|deactivating)\b")
_NODE = re.compile(r"^\s*(?:Node|Host(?:name)?): (?P<node>\S{1,253})")
_DISABLED = re.compile(r"^\s*Loaded: .*(?:; disabled;|masked|not-found)")
_HEAD = 20
"""The state stands in the first lines; what follows is the journal."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that does not run though it is enabled. ``lines`` are the note's own words."""

    node: Object
    name: str
    state: str
    cited: tuple[Citation, ...]


def stopped(case: Case) -> Iterator[Unit]:
    """Every unit of a known node that is not running."""
    nodes = {fields.name(n): n for n in case.evidence.of(kinds.NODE)}
    for note in case.evidence.notes:
        found = _read(note, nodes)
        if found is not None:
            yield found


def _read(note: Note, nodes: dict[str, Object]) -> Unit | None:
    unit = node = state = None
    cited: list[Citation] = []
    for line in note.lines[:_HEAD]:
        if _DISABLED.search(line):
            return None
        if unit is None and (match := _UNIT.search(line)) is not None:
            unit = match["unit"]
            cited.append(citing.of_note(note, line))
        if node is None and (match := _NODE.search(line)) is not None:
            node = nodes.get(match["node"])
        if state is None and (match := _ACTIVE.search(line)) is not None:
            state = match["state"]
            cited.append(citing.of_note(note, line))
    if node is None:
        # The name of the file says it: PREFIX.NODE.UNIT
        node = next((n for name, n in nodes.items() if f".{name}." in f".{note.name}."), None)
    if unit is None or node is None or state is None:
        return None
    return Unit(node, unit, state, tuple(cited))
