"""Reading and copying Kubernetes objects as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from incident_commander.ports import Object


def copy_json(value: Any) -> Any:
    """A deep copy of a JSON value (several times faster than ``copy.deepcopy``)."""
    if isinstance(value, dict):
        return {key: copy_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copy_json(item) for item in value]
    return value


def dig(value: Any, *path: str | int) -> Any:
    """The value at a path, or None as soon as something on the way is missing."""
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and -len(value) <= part < len(value):
            value = value[part]
        else:
            return None
    return value


def name_of(obj: Object) -> str:
    """``metadata.name``."""
    return str(obj["metadata"]["name"])


def namespace_of(obj: Object) -> str | None:
    """``metadata.namespace``, None for cluster-scoped objects."""
    found = obj["metadata"].get("namespace")
    return None if found is None else str(found)


def uid_of(obj: Object) -> str:
    """``metadata.uid``."""
    return str(obj["metadata"].get("uid", ""))


def labels_of(obj: Object) -> dict[str, str]:
    """``metadata.labels``, never None."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    """``metadata.annotations``, never None."""
    return obj["metadata"].get("annotations") or {}


def controller_of(obj: Object) -> dict[str, Any] | None:
    """The owner reference with ``controller: true``, or None."""
    return next((ref for ref in obj["metadata"].get("ownerReferences") or [] if ref.get("controller")), None)


def owner_reference(owner: Object) -> dict[str, Any]:
    """A controller reference to ``owner``."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def owned_by(objects: Iterable[Object], owner: Object) -> list[Object]:
    """Those whose controller is ``owner``."""
    uid = uid_of(owner)
    return [obj for obj in objects if (controller_of(obj) or {}).get("uid") == uid]


def condition(obj: Object, type_: str) -> dict[str, Any] | None:
    """The status condition of that type, or None."""
    found = dig(obj, "status", "conditions") or []
    return next((c for c in found if c.get("type") == type_), None)


def is_ready(pod: Object) -> bool:
    """Whether a pod's Ready condition is True."""
    return (condition(pod, "Ready") or {}).get("status") == "True"


def kube_time(moment: datetime) -> str:
    """``metav1.Time``: RFC 3339 with whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_kube_time(text: str) -> datetime:
    """The reverse of ``kube_time``."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
