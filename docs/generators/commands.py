"""The page of the command line: what each command's --help prints."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from typer.core import TyperCommand, TyperGroup

from incident_commander.cli.main import full_app, plugin_app

_WIDTH = 100
_HEAD = """# Commands

<!-- Made by `make generate` from operator/incident_commander/cli; change that. -->

Two programs in one package: `incident-commander` has all commands, and `kubectl incident` (kubectl runs
`kubectl-incident` from PATH) those that are about Incidents and the installation:
PLUGIN.

Exit codes: 0 done, or the answer is yes; 1 the answer is no; 2 the command line or the configuration is wrong;
3 not found; 4 forbidden; 5 the API server is away or refused the object; 6 (of `verify`) nothing was decided yet.
"""


def leaves(app: typer.Typer | None = None, name: str = "incident-commander") -> Iterator[tuple[str, TyperCommand]]:
    """Every command that does something, with the words that call it."""

    def walk(command: object, path: str) -> Iterator[tuple[str, TyperCommand]]:
        if isinstance(command, TyperGroup):
            for child, below in command.commands.items():
                yield from walk(below, f"{path} {child}")
        elif isinstance(command, TyperCommand):
            yield path, command

    yield from walk(typer.main.get_command(app or full_app()), name)


def page() -> str:
    """The whole page."""
    plugin = sorted({path.split()[1] for path, _ in leaves(plugin_app(), "kubectl-incident")})
    parts = [_HEAD.replace("PLUGIN", ", ".join(f"`{name}`" for name in plugin))]
    for path, command in leaves():
        context = command.context_class(
            command, info_name=path, terminal_width=_WIDTH, max_content_width=_WIDTH, help_option_names=["-h", "--help"]
        )
        parts.append(f"## {path.removeprefix('incident-commander ')}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)
