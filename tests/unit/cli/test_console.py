"""Where the output goes decides how it looks: colours on a terminal, plain text elsewhere and with NO_COLOR."""

from __future__ import annotations

import io
import sys

import pytest
from rich.padding import Padding
from rich.text import Text

from incident_commander.cli.work.desk import console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")


def printed(out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stdout", out)
    console().print(Padding(Text.assemble(("Cause: ", "bold red"), ("none", "dim"), "  two "), (0, 0, 0, 2)))
    return out.getvalue()


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[1;31m" in printed(Terminal(), monkeypatch)


def test_with_no_color_it_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in printed(Terminal(), monkeypatch)


def test_an_empty_no_color_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[1;31m" in printed(Terminal(), monkeypatch)


def test_a_pipe_gets_neither_colours_nor_blanks_at_the_ends_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(io.StringIO(), monkeypatch) == "  Cause: none  two\n"
