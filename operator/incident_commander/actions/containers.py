"""One container of a pod template (or of a Pod): where it stands, found by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from incident_commander.actions.fields import pointer
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.ports import Object


@dataclass(frozen=True, slots=True)
class Place:
    """``path`` leads to the container, which is ``body`` now."""

    path: tuple[str | int, ...]
    name: str
    body: Mapping[str, object]

    def pointer(self, *more: str | int) -> str:
        """The JSON Pointer of a field of the container."""
        return pointer(*self.path, *more)


def find_container(target: Object, name: str) -> Place:
    """The container of that name; without a name, the only regular one.

    Raises ``Refusal``: ``MissingParameter`` (there are several), or ``NoSuchContainer``.
    """
    pod = fields.text(target, "kind") == "Pod"
    base: tuple[str | int, ...] = ("spec",) if pod else ("spec", "template", "spec")
    # Of a running pod, init containers cannot be changed any more.
    lists = ("containers",) if pod else ("containers", "initContainers")
    found = [
        Place((*base, key, index), fields.text(container, "name"), container)
        for key in lists
        for index, container in enumerate(fields.items(target, *base, key))
    ]
    names = ", ".join(p.name for p in found) or "none"
    if not name:
        regular = [p for p in found if "containers" in p.path]
        if len(regular) == 1:
            return regular[0]
        raise Refusal("MissingParameter", f"{reference(target)} has the containers {names}: say which (container)")
    place = next((p for p in found if p.name == name), None)
    if place is None:
        raise Refusal("NoSuchContainer", f"{reference(target)} has no container {name!r}; it has: {names}")
    return place
