"""Numbers of what was looked at, in words."""

from __future__ import annotations

from collections.abc import Mapping

_NAMES = {"logLines": "lines of logs", "metrics": "series"}


def counts(looked_at: Mapping[str, int]) -> str:
    """``pods: 12, events: 40, lines of logs: 7,213``; groups of resources are left out."""
    found = [f"{_NAMES.get(what, what.split('.', 1)[0])}: {amount:,}" for what, amount in looked_at.items()]
    return ", ".join(found) or "nothing"
