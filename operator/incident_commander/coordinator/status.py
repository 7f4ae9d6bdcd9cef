"""The smallest merge patch from one status to the next."""

from __future__ import annotations

from typing import Any

from incident_commander.api.incident import IncidentStatus


def status_patch(before: IncidentStatus, after: IncidentStatus) -> dict[str, Any] | None:
    """Changed top-level fields of status, ``null`` for removed ones; None when nothing changed.

    ``execution`` is never in it: it is the executor's.
    """
    old, new = before.to_json(), after.to_json()
    patch: dict[str, Any] = {}
    for key in sorted((old.keys() | new.keys()) - {"execution"}):
        if key not in new:
            patch[key] = None
        elif old.get(key) != new[key]:
            patch[key] = _replace(old.get(key), new[key])
    return patch or None


def _replace(old: Any, new: Any) -> Any:
    """A merge patch merges objects: keys that are gone must be named."""
    if isinstance(old, dict) and isinstance(new, dict):
        merged = {key: _replace(old.get(key), value) for key, value in new.items() if old.get(key) != value}
        return merged | dict.fromkeys(old.keys() - new.keys())
    return new
