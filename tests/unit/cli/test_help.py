"""Help teaches with examples, and does not wait for what it does not need."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from incident_commander.cli.main import full_app, plugin_app

PEOPLE = ["list", "show", "timeline", "verify", "trigger", "approve", "reject", "undo", "keygen"]


@pytest.mark.parametrize(
    "command", [*([c] for c in PEOPLE), ["breaker", "status"], ["breaker", "reset"], ["demo"], ["diagnose"], ["bundle"]]
)
def test_each_command_shows_an_example_that_starts_as_it_is_called(command: list[str]) -> None:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(full_app(), [*command, "--help"])
    assert result.exit_code == 0
    examples = result.stdout.split("Example", 1)[1]
    assert any(f"{program} {' '.join(command)}" in examples for program in ("kubectl incident", "incident-commander"))


def test_the_exit_codes_are_documented() -> None:
    for app in (full_app(), plugin_app()):
        assert "5  the API server is away" in CliRunner().invoke(app, ["-h"]).stdout


def test_the_plugin_has_the_commands_of_people_and_no_processes() -> None:
    shown = CliRunner().invoke(plugin_app(), ["-h"]).stdout
    assert all(f"  {command} " in shown for command in PEOPLE)
    assert "executor" not in shown


def test_help_of_the_plugin_loads_neither_models_nor_clients() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from incident_commander.cli.main import plugin_app;"
        "assert CliRunner().invoke(plugin_app(), ['-h']).exit_code == 0;"
        "print([m for m in ('pydantic', 'kubernetes', 'kopf', 'numpy', 'securesystemslib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("words", [(), ("diagnose",), ("doctor",), ("agent",)])
def test_no_help_of_the_whole_program_loads_what_only_work_needs(words: tuple[str, ...]) -> None:
    heavy = ("cryptography", "kopf", "yaml", "incident_commander.api.meta", "incident_agents")
    code = (
        "import sys; from typer.testing import CliRunner; from incident_commander.cli.main import full_app;"
        f"assert CliRunner().invoke(full_app(), [*{words!r}, '-h']).exit_code == 0;"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
