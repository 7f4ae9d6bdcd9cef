"""Bundles on disk for tests, written the way that a person with kubectl and curl would."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from incident_commander.api import kinds
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import NOW, NS

MANIFEST = {"version": 1, "capturedAt": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"), "namespaces": [NS], "source": "test"}


def write(root: Path, path: str, content: Any) -> Path:
    """One file; anything but text and bytes becomes JSON."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def listed(objects: Iterable[Any]) -> dict[str, Any]:
    """A List, as ``kubectl get -o json`` prints it."""
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": list(objects)}


def bundle(root: Path, *objects: Object, manifest: Any = MANIFEST, files: Mapping[str, Any] | None = None) -> Path:
    """A bundle with the objects sorted into their files, and more files by their paths."""
    if manifest is not None:
        write(root, "bundle.json", manifest)
    sorted_: dict[str, list[Object]] = {}
    for obj in objects:
        kind = kinds.kind_of(obj["apiVersion"], obj["kind"])
        assert kind is not None
        sorted_.setdefault(kind.resource, []).append(obj)
    for resource, found in sorted_.items():
        write(root, f"objects/{resource}.json", listed(found))
    for path, content in (files or {}).items():
        write(root, path, content)
    return root


def without_identity(obj: Object) -> Object:
    """The object as a tool without access to the API shows it: neither uid nor resourceVersion, owners by name."""
    meta = {k: v for k, v in obj["metadata"].items() if k not in ("uid", "resourceVersion", "managedFields")}
    if "ownerReferences" in meta:
        meta["ownerReferences"] = [{k: v for k, v in ref.items() if k != "uid"} for ref in meta["ownerReferences"]]
    return {**obj, "metadata": meta}
