"""``incident-commander demo``: two incidents from alert to end, on a cluster that lives in memory."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import shutil
import sys
from typing import TextIO

import structlog
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from incident_commander.cli.demo_view import sections
from incident_commander.cli.recording import Recording, record
from incident_commander.rehearsal.scenarios.resources import LIMIT_TOO_LOW
from incident_commander.rehearsal.scenarios.rollouts import BAD_IMAGE, CRASHING_RELEASE, UNHELPFUL_FIX
from incident_commander.rehearsal.scenarios.scenario import Scenario

_WIDTH = 80
"""Where there is no terminal, so that a seed prints the same bytes everywhere."""
_NARROWEST, _WIDEST = 60, 120
_MENDED = (CRASHING_RELEASE, BAD_IMAGE, LIMIT_TOO_LOW)
_SEEDS = 10_000


def demo(seed: int | None = None) -> None:
    """Two incidents, from alert to verified fix, and to an undone one; a new seed when none is given.

    The same coordinator, executor and six agents as on a real cluster; only the cluster is simulated.
    """
    chosen = secrets.randbelow(_SEEDS) if seed is None else seed
    console = Console(width=width(sys.stdout), highlight=False)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    show(console, chosen)


def width(out: TextIO) -> int:
    """Columns to print: the terminal's, within what reads well; 80 where there is none."""
    if not out.isatty():
        return _WIDTH
    return min(max(shutil.get_terminal_size((_WIDTH, 24)).columns, _NARROWEST), _WIDEST)


def show(console: Console, seed: int) -> None:
    """Print the whole demo of a seed."""
    console.print(Text(f"Incident Commander: a rehearsal, seed {seed}", style="bold"))
    console.print(
        "The cluster is simulated. Gateway, coordinator, executor and agents are the real ones, each with an identity "
        "of its own. All times are the cluster's.\n"
    )
    first = random.Random(seed).choice(_MENDED)
    for number, scenario in enumerate((first, UNHELPFUL_FIX), 1):
        console.print(Rule(Text(f" {number} of 2: {scenario.title} ", style="bold"), align="left", style="dim"))
        console.print()
        _tell(console, asyncio.run(record(scenario, seed * 10 + number)), scenario)
    console.print(Text(f"Again, exactly: make demo SEED={seed}", style="dim"))


def _tell(console: Console, recording: Recording, scenario: Scenario) -> None:
    for section in sections(recording):
        console.print(section.render())
    if not recording.ended:
        console.print(Text(f"{scenario.name} did not come to an end", style="bold red"))
