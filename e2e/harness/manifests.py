"""YAML from disk: plain, or with variables of the scenario."""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path

import yaml

from e2e.harness.api import Json
from e2e.harness.waiting import Failure

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out" / "e2e"
"""Reports, logs, and what was found of each scenario."""
_ORDER = ("Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole", "Role")


def read(path: Path, variables: Mapping[str, str] | None = None) -> list[Json]:
    """The documents of a file. Raises ``Failure`` for a variable that nobody gives."""
    text = path.read_text()
    if variables is not None:
        try:
            text = string.Template(text).substitute(variables)
        except (KeyError, ValueError) as error:
            raise Failure(f"{path.relative_to(ROOT)}: {error}") from error
    return [document for document in yaml.safe_load_all(text) if document]


def read_folder(path: Path) -> list[Json]:
    """The documents of all files below, those that others refer to first."""
    documents = [document for file in sorted(path.rglob("*.yaml")) for document in read(file)]
    if not documents:
        raise Failure(f"{path.relative_to(ROOT)} holds no manifest")
    return in_order(documents)


def in_order(documents: list[Json]) -> list[Json]:
    """Those that others refer to first."""
    return sorted(documents, key=lambda d: _ORDER.index(d["kind"]) if d["kind"] in _ORDER else len(_ORDER))
