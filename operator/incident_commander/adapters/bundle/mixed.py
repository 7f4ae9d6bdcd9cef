"""Objects as people save them: ``kubectl get ... -o yaml``, or several kinds in one file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from incident_commander.adapters.bundle.folder import Broken
from incident_commander.adapters.bundle.parsing import MAX_DEPTH, MAX_VALUES, json_of, text_of, too_deep
from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.ports import Object

SUFFIXES = (".json", ".yaml", ".yml")
_DOCUMENTS = 10_000


class _Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: a time is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def objects_by_kind(path: str, content: bytes) -> tuple[dict[Kind, list[Object]], list[str]]:
    """The objects of known kinds in a file, Lists taken apart, and the names of the kinds that are not read.

    Raises ``Broken`` when it is neither JSON nor YAML, or would exhaust memory or stack.
    """
    found: dict[Kind, list[Object]] = {}
    strange: dict[str, None] = {}
    documents = _documents(path, content)
    if not documents or not all(isinstance(one, dict | list) for one in documents):
        raise Broken(f"{path}: no objects of Kubernetes; `kubectl get` prints them with -o yaml or -o json")
    for item in _items(documents):
        kind = kinds.kind_of(str(item.get("apiVersion", "")), str(item.get("kind", "")))
        if kind is None:
            strange[str(item.get("kind") or "something without a kind")[:100]] = None
        else:
            found.setdefault(kind, []).append({**item, "apiVersion": kind.api_version})
    return found, list(strange)


def _items(documents: list[Any]) -> Iterator[Object]:
    for document in documents:
        for item in document if isinstance(document, list) else [document]:
            if isinstance(item, dict) and isinstance(item.get("items"), list):
                # A List of one kind (DeploymentList) does not name it in each item when an API server sent it.
                of = {"apiVersion": item.get("apiVersion"), "kind": str(item.get("kind", "")).removesuffix("List")}
                yield from ({**of, **one} for one in item["items"] if isinstance(one, dict))
            elif isinstance(item, dict):
                yield item


def _documents(path: str, content: bytes) -> list[Any]:
    if path.endswith(".json"):
        return [json_of(path, content)]
    text = text_of(content)
    if text.count("\n") + text.count(",") > MAX_VALUES:
        raise Broken(f"{path}: more than {MAX_VALUES} values")
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise Broken(f"{path}: YAML aliases are not read; kubectl prints none")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise Broken(f"{path}: nested deeper than {MAX_DEPTH} levels")
        documents = [one for one in yaml.load_all(text, Loader=_Loader) if one is not None][:_DOCUMENTS]
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise Broken(f"{path}: not YAML: {where}{getattr(error, 'problem', None) or error}") from error
    if too_deep(documents):
        raise Broken(f"{path}: nested deeper than {MAX_DEPTH} levels")
    return documents
