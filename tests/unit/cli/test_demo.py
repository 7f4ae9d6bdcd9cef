"""The demo says the same for the same seed, in eighty columns, with and without colour."""

from __future__ import annotations

import io
import re
import threading

import pytest
from rich.cells import cell_len
from rich.console import Console

from incident_commander.cli.demo import show, width

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def told(seed: int, *, colour: bool = False, columns: int = 80) -> str:
    """What is printed. In a thread, since the demo brings its own event loop."""
    out = io.StringIO()
    console = Console(file=out, width=columns, highlight=False, force_terminal=colour, no_color=not colour)
    thread = threading.Thread(target=show, args=(console, seed))
    thread.start()
    thread.join()
    return out.getvalue()


@pytest.fixture(scope="module")
def story() -> str:
    return told(7)


def test_it_tells_of_one_incident_that_is_mended_and_one_whose_fix_is_undone(story: str) -> None:
    mended, undone = story.split("2 of 2:")

    assert "Resolved: Remediated" in mended
    assert "The workload is healthy" in mended
    assert "Undone from the recorded pre-image" in undone
    assert "Escalated: people are asked; nothing left changed" in undone


@pytest.mark.parametrize(
    "title",
    ["Alert", "Evidence", "Diagnosis", "Plan", "Votes", "Certificate", "Patch", "Verification", "Time", "Verdict"],
)
def test_each_section_begins_with_its_verdict(story: str, title: str) -> None:
    assert len(re.findall(rf"^{title} +[✓✗•] \S", story, re.MULTILINE)) == 2


def test_every_agent_is_heard_with_its_reason(story: str) -> None:
    for agent in ("detection", "diagnosis", "prediction", "resolution", "communication", "verification"):
        assert len(re.findall(rf"^  {agent} +[✓✗-] [A-Z]\w+:", story, re.MULTILINE)) == 2


def test_the_same_seed_prints_the_same_bytes_and_another_another_story(story: str) -> None:
    assert told(7) == story
    assert told(8) != story


def test_nothing_is_wider_than_eighty_columns(story: str) -> None:
    assert max(cell_len(line) for line in story.splitlines()) <= 80


@pytest.mark.parametrize("columns", [60, 120])
def test_another_width_is_kept_to_and_made_use_of(columns: int) -> None:
    widest = max(cell_len(line) for line in told(7, columns=columns).splitlines())
    assert columns - 10 <= widest <= columns


class Out(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(("columns", "expected"), [("20", 60), ("72", 72), ("100", 100), ("400", 120)])
def test_the_terminal_decides_within_what_reads_well(
    columns: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert width(Out(terminal=True)) == expected
    assert width(Out(terminal=False)) == 80


def test_colour_adds_nothing_but_colour(story: str) -> None:
    coloured = told(7, colour=True)

    assert ESCAPE.search(coloured)
    assert ESCAPE.sub("", coloured) == story


def test_no_forged_certificate_is_accepted(story: str) -> None:
    assert "INVALID" not in story
    assert "NOT REFUSED" not in story
    assert story.count("is refused: BadEnvelope") + story.count("refused:\n  BadEnvelope") == 2
