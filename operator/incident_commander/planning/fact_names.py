"""Facts that runbooks refer to and no diagnosis gives: misspelt, or of another cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from incident_commander.api.causes import Cause
from incident_commander.api.runbook import Runbook
from incident_commander.planning.template import references

FactNames = Mapping[Cause, frozenset[str]]
"""What a hypothesis of each cause may carry."""


def unknown_facts(runbook: Runbook, known: FactNames) -> list[str]:
    """A sentence for each reference that no cause of the runbook ever fulfils: its step is never planned.

    It names the place, the fact, and the nearest that there are.
    """
    causes = runbook.spec.match.causes
    given = frozenset[str]().union(*(known.get(cause, frozenset()) for cause in causes))
    found = []
    for place, name in _referred(runbook):
        if name not in given:
            told = f"Runbook {runbook.metadata.name}: {place}: ${{facts.{name}}} is never known for {_listed(causes)}"
            found.append(f"{told}; {_instead(name, given, known)}")
    return found


def _referred(runbook: Runbook) -> Iterator[tuple[str, str]]:
    for index, step in enumerate(runbook.spec.steps):
        for key, text in step.parameters.items():
            for reference in references(text):
                root, _, name = reference.partition(".")
                if root == "facts":
                    yield f"spec.steps[{index}].parameters.{key}", name


def _instead(name: str, given: frozenset[str], known: FactNames) -> str:
    near = get_close_matches(name, sorted(given), n=3)
    if near:
        return f"nearest: {', '.join(near)}"
    others = [cause for cause, names in known.items() if name in names]
    if others:
        return f"it is a fact of {_listed(others)}"
    return f"known: {', '.join(sorted(given))}"


def _listed(causes: Sequence[Cause]) -> str:
    shown = ", ".join(causes[:3])
    return shown if len(causes) <= 3 else f"{shown} and {len(causes) - 3} more"
