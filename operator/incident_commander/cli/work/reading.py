"""Exported YAML or JSON, read within bounds of time and memory, however hostile the file is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from incident_commander.cli.work.failure import CommandError
from incident_commander.ports import Object

MAX_FILE = 4 * 1024 * 1024
"""Bytes. An Incident stays under 256 KiB; a List of them may be exported."""
MAX_VALUES = 150_000
"""Keys and values in a file, each one counted; an Incident of 256 KiB has some 10,000."""
MAX_DEPTH = 64
"""The deepest path of our resources has about 15 parts."""
_EXPORT = "export one Incident only: `kubectl get incident NAME -n NAMESPACE -o yaml`"


def read_objects(path: Path) -> list[Object]:
    """All objects of a YAML or JSON file; Lists are taken apart.

    Raises ``CommandError`` for what cannot be read, is neither, or goes beyond the bounds.
    """
    tried = f"read {path}"
    try:
        # Not by its stated size: a device or a pipe has none, and goes on for ever.
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
        if len(content) > MAX_FILE:
            raise CommandError(tried, f"it has more than {MAX_FILE} bytes", _EXPORT)
        documents = _documents(content.decode("utf-8"), tried)
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise CommandError(tried, f"{type(error).__name__}: {error}", "give a YAML or JSON file") from None
    except (yaml.YAMLError, ValueError) as error:
        raise CommandError(tried, f"it is not YAML: {error}", "export it again with kubectl -o yaml") from None
    objects: list[Object] = []
    for document in documents:
        if isinstance(document, dict):
            items = document.get("items")
            objects += [i for i in items if isinstance(i, dict)] if isinstance(items, list) else [document]
    return objects


def _documents(text: str, tried: str) -> list[Any]:
    if text.lstrip().startswith("{"):
        try:
            document = json.loads(text)
        except json.JSONDecodeError:
            pass  # it may be YAML's own notation of a mapping
        else:
            _bound(_values(document), tried)
            return [document]
    _bound(_events(text), tried)
    return list(yaml.load_all(text, Loader=_Loader))


def _bound(depths: Iterator[int], tried: str) -> None:
    """Count, and stop at the first that is too many: nothing has been built of YAML by then."""
    for count, depth in enumerate(depths, 1):
        if count > MAX_VALUES:
            raise CommandError(tried, f"it has more than {MAX_VALUES} keys and values", _EXPORT)
        if depth > MAX_DEPTH:
            raise CommandError(tried, f"it is nested more than {MAX_DEPTH} deep", "give an export of kubectl")


def _values(document: Any) -> Iterator[int]:
    """The depth of each key and value. Holds one iterator per level, however many values there are."""
    levels = [iter([document])]
    while levels:
        try:
            value = next(levels[-1])
        except StopIteration:
            levels.pop()
            continue
        yield len(levels)
        if isinstance(value, dict):
            yield from (len(levels) for _ in value)
            levels.append(iter(value.values()))
        elif isinstance(value, list):
            levels.append(iter(value))


def _events(text: str) -> Iterator[int]:
    """The same of YAML, from the parser's events. Aliases are refused: a small file must not become a large one."""
    depth = 1
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not used in exports")
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent | yaml.DocumentStartEvent):
            yield depth
            depth += isinstance(event, yaml.CollectionStartEvent)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Times stay text, as in the API. libyaml's parser where PyYAML has it: twenty times as fast."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
