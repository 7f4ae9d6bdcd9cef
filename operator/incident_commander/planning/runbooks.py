"""Runbooks from files and from the API server: read, checked, with errors that say what to mend."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from pydantic import ValidationError

from incident_commander.api.plan import ActionName
from incident_commander.api.runbook import Runbook
from incident_commander.errors import ConfigurationError, InvalidPayload
from incident_commander.planning.template import references

_KEYS = ("apiVersion", "kind", "metadata", "spec")


def builtin_runbooks() -> list[Runbook]:
    """The runbooks that ship with the project, by name.

    From the wheel's ``incident_commander/data/runbooks``, or from ``runbooks/`` of a checkout.
    Raises ``ConfigurationError`` when neither is there, ``InvalidPayload`` for a damaged file.
    """
    shipped = importlib.resources.files("incident_commander") / "data" / "runbooks"
    checkout = Path(__file__).resolve().parents[3] / "runbooks"
    folder: Traversable = shipped if shipped.is_dir() else checkout
    if not folder.is_dir():
        raise ConfigurationError(f"no built-in runbooks: neither {shipped} nor {checkout} is a folder")
    return load_folder(folder)


def load_folder(folder: Traversable) -> list[Runbook]:
    """Every ``*.yaml`` of a folder, sorted by name of the runbook.

    Raises ``InvalidPayload`` (file and path of the field) for what is not a runbook, or for a name used twice.
    """
    found: dict[str, Runbook] = {}
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if not file.name.endswith((".yaml", ".yml")):
            continue
        for runbook in load_text(file.read_text(encoding="utf-8"), file.name):
            name = runbook.metadata.name
            if name in found:
                raise InvalidPayload(f"{file.name}: metadata.name", f"there are two runbooks called {name!r}")
            found[name] = runbook
    return [found[name] for name in sorted(found)]


def load_text(text: str, source: str) -> list[Runbook]:
    """The runbooks of one YAML file (several documents are allowed). Raises ``InvalidPayload``."""
    try:
        documents = [d for d in yaml.safe_load_all(text) if d is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{source}, line {mark.line + 1}" if mark is not None else source
        raise InvalidPayload(where, f"not YAML: {getattr(error, 'problem', None) or error}") from error
    return [parse_runbook(document, source) for document in documents]


def parse_runbook(document: object, source: str) -> Runbook:
    """One runbook, strictly: a field that is not known is a mistake, not a remark. Raises ``InvalidPayload``."""
    if not isinstance(document, dict):
        raise InvalidPayload(source, f"a Runbook is a YAML mapping, this is a {type(document).__name__}")
    unknown = [key for key in document if key not in (*_KEYS, "status")]
    if unknown:
        raise InvalidPayload(f"{source}: {unknown[0]}", f"is not a field of a Runbook; it has {', '.join(_KEYS)}")
    try:
        runbook = Runbook.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidPayload(f"{source}: {_path(first['loc'])}", str(first["msg"])) from error
    if not runbook.metadata.name:
        raise InvalidPayload(f"{source}: metadata.name", "a Runbook needs a name")
    _refuse_unknown(document["spec"], runbook.to_json()["spec"], f"{source}: spec")
    _check_steps(runbook, source)
    return runbook


def runbooks_of(objects: Sequence[Mapping[str, object]]) -> tuple[list[Runbook], list[str]]:
    """Those that can be understood of Runbook resources, and a message for each that cannot."""
    found, problems = [], []
    for obj in objects:
        meta = obj.get("metadata")
        name = meta.get("name") if isinstance(meta, Mapping) else None
        try:
            runbook = Runbook.model_validate(obj)
            _check_steps(runbook, f"Runbook {name}")
        except ValidationError as error:
            first = error.errors()[0]
            problems.append(f"Runbook {name}: {_path(first['loc'])}: {first['msg']}")
        except InvalidPayload as error:
            problems.append(str(error))
        else:
            found.append(runbook)
    return found, problems


def _check_steps(runbook: Runbook, source: str) -> None:
    """What the schema cannot say."""
    written: set[str] = set()
    names: set[str] = set()
    for index, step in enumerate(runbook.spec.steps):
        where = f"{source}: spec.steps[{index}]"
        if step.name in names:
            raise InvalidPayload(f"{where}.name", f"there are two steps called {step.name!r}")
        names.add(step.name)
        for key, text in step.parameters.items():
            try:
                references(text)
            except ValueError as error:
                raise InvalidPayload(f"{where}.parameters.{key}", str(error)) from error
        if step.action is ActionName.ESCALATE:
            if index != len(runbook.spec.steps) - 1:
                raise InvalidPayload(f"{where}.action", "Escalate hands over to people: it can only be the last step")
            continue
        if step.on in written:
            raise InvalidPayload(
                f"{where}.actOn",
                f"an earlier step writes to the same {step.on}; this one would find it changed. Make it a runbook of"
                " its own with a lower priority",
            )
        written.add(step.on)


def _refuse_unknown(given: object, known: object, path: str) -> None:
    if isinstance(given, dict) and isinstance(known, dict):
        for key, value in given.items():
            if value is not None and key not in known:
                raise InvalidPayload(f"{path}.{key}", f"is not known here; known: {', '.join(sorted(known))}")
            _refuse_unknown(value, known.get(key), f"{path}.{key}")
    elif isinstance(given, list) and isinstance(known, list):
        for index, (one, other) in enumerate(zip(given, known, strict=False)):
            _refuse_unknown(one, other, f"{path}[{index}]")


def _path(location: Sequence[int | str]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.lstrip(".") or "the document"
