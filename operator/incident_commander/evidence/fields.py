"""Reading fields of objects that others wrote: a wrong type reads as absent, never as a crash."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from incident_commander.api.quantity import parse_quantity


def value(obj: Any, *path: str | int) -> Any:
    """What stands at the path, or None. Integers index lists."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(obj, list) or not 0 <= step < len(obj):
                return None
            obj = obj[step]
        elif isinstance(obj, dict):
            obj = obj.get(step)
        else:
            return None
    return obj


def text(obj: Any, *path: str | int) -> str:
    """A string at the path, or the empty string."""
    found = value(obj, *path)
    return found if isinstance(found, str) else ""


def integer(obj: Any, *path: str | int) -> int | None:
    """An integer at the path, or None."""
    found = value(obj, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def flag(obj: Any, *path: str | int) -> bool | None:
    """A boolean at the path, or None."""
    found = value(obj, *path)
    return found if isinstance(found, bool) else None


def mapping(obj: Any, *path: str | int) -> dict[str, Any]:
    """An object at the path, or an empty one."""
    found = value(obj, *path)
    return found if isinstance(found, dict) else {}


def strings(obj: Any, *path: str | int) -> dict[str, str]:
    """A map of strings at the path (labels, annotations, selectors); entries of other types are left out."""
    return {k: v for k, v in mapping(obj, *path).items() if isinstance(k, str) and isinstance(v, str)}


def items(obj: Any, *path: str | int) -> list[dict[str, Any]]:
    """The objects of a list at the path; others are left out."""
    found = value(obj, *path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def words(obj: Any, *path: str | int) -> list[str]:
    """The strings of a list at the path; others are left out."""
    found = value(obj, *path)
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def moment(obj: Any, *path: str | int) -> datetime | None:
    """A time at the path (RFC 3339 with a zone), or None."""
    return parse_moment(text(obj, *path))


def parse_moment(written: str) -> datetime | None:
    """RFC 3339 with a zone as UTC, or None when it is not one."""
    try:
        found = datetime.fromisoformat(written.replace("Z", "+00:00"))
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def quantity(obj: Any, *path: str | int) -> Decimal | None:
    """A Kubernetes quantity at the path (JSON numbers are allowed), or None."""
    found = value(obj, *path)
    if isinstance(found, int) and not isinstance(found, bool):
        return Decimal(found)
    if not isinstance(found, str):
        return None
    try:
        return parse_quantity(found)
    except ValueError:
        return None


def name(obj: Any) -> str:
    """``metadata.name``."""
    return text(obj, "metadata", "name")


def namespace(obj: Any) -> str:
    """``metadata.namespace``."""
    return text(obj, "metadata", "namespace")


def condition(obj: Any, type_: str) -> dict[str, Any]:
    """The condition of that type, or an empty object."""
    return next((c for c in items(obj, "status", "conditions") if c.get("type") == type_), {})


def created(obj: Any) -> datetime | None:
    """``metadata.creationTimestamp``."""
    return moment(obj, "metadata", "creationTimestamp")
