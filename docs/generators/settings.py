"""The page of the settings, made of the docstrings and defaults in settings.py, and of the commands' options."""

from __future__ import annotations

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields

from docs.generators.commands import leaves
from incident_commander import settings
from incident_commander.settings import PREFIX, Address, Settings

_SAID = re.compile(r"(?P<name>[A-Z][A-Z_]+): (?P<text>.*)", re.DOTALL)
_FROM_ENVIRONMENT = re.compile(rf"\[{PREFIX}(?P<name>[A-Z_]+)")
_DEFAULTS = {"GATEWAY_AUTHENTICATION": "`TokenReview`", "IDENTITY": "the host's name", "AGENT_NAME": "the role"}
_HEAD = """# Settings

<!-- Made by `make generate` from operator/incident_commander/settings.py and the commands' options; change those. -->

Each process reads its settings from the environment: `INCIDENT_COMMANDER_` and the name. An option of the same meaning
wins. A value that makes no sense ends the process with exit code 2 and a line that says which setting, what was found,
and what would do. The chart sets those that it has a value for, and `extraEnv` sets any other
([values](../../charts/incident-commander/README.md#values)).

| setting | default | meaning | option |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, as ``settings.py`` documents it."""

    name: str
    default: str
    meaning: str


def declared() -> Iterator[Setting]:
    """All of them, in their order. Raises ValueError for one that is not documented."""
    tree = ast.parse(inspect.getsource(settings))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    defaults = {field.name: field.default for field in fields(Settings)}
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
        said = _SAID.fullmatch(str(text))
        if said is None:
            raise ValueError(f"settings.py, line {node.lineno}: {node.target.id} needs a docstring `NAME: what it is.`")
        meaning = re.sub(r"\s+", " ", said["text"]).replace("``", "`")
        yield Setting(said["name"], _DEFAULTS.get(said["name"], _shown(defaults[node.target.id])), meaning)


def options() -> dict[str, dict[str, list[str]]]:
    """For each setting the options that override it, and the commands that have them."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path, command in leaves():
        for parameter in command.params:
            if said := _FROM_ENVIRONMENT.search(getattr(parameter, "help", None) or ""):
                found[said["name"]][parameter.opts[0]].append(path.removeprefix("incident-commander "))
    return found


def page() -> str:
    """The whole page."""
    overriding = options()
    lines = []
    for setting in declared():
        given = [f"`{option}` of {', '.join(of)}" for option, of in overriding[setting.name].items()]
        lines.append(f"| `{setting.name}` | {setting.default} | {setting.meaning} | {'; '.join(given)} |")
    return _HEAD + "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    if value is None or value == "":
        return "none"
    return f"`{value.host}:{value.port}`" if isinstance(value, Address) else f"`{value}`"
