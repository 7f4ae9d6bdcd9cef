"""A scenario: what breaks, what may be done about it, and what right looks like."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.harness.manifests import ROOT
from e2e.harness.waiting import Failure

if TYPE_CHECKING:
    from e2e.harness.stage import Stage

FOLDER = ROOT / "e2e" / "scenarios"


@dataclass(frozen=True)
class Scenario:
    """A folder of ``scenarios``: ``scenario.py`` with ``play`` and, where something may be done, ``policy.yaml``.

    ``alone``: it disturbs the others, so it plays after them. ``letter`` is its mark in the reports.
    ``outage_image``: it plays with PostgreSQL or Python. ``core``: one of those that every change is tried with.
    ``local``: it needs the machine of the project's local cluster: fake nodes, loop devices, the node's processes.
    ``about_nodes``: its Incidents are about fake nodes, and so in the operator's namespace.
    """

    name: str
    letter: str
    title: str
    alone: bool
    core: bool
    local: bool
    about_nodes: bool
    outage_image: bool
    folder: Path
    play: Callable[[Stage], Awaitable[None]]


def find(names: list[str], *, everything: bool = False) -> list[Scenario]:
    """These; without names the core, or ``everything``. Raises ``Failure`` for an unknown name, and says which are."""
    known = {path.parent.name.replace("_", "-"): path.parent for path in sorted(FOLDER.glob("*/scenario.py"))}
    wanted = [name.replace("_", "-") for name in names] or list(known)
    if unknown := [name for name in wanted if name not in known]:
        raise Failure(f"no scenario {', '.join(unknown)}; there are: {', '.join(known)}")
    scenarios = [_load(name, known[name]) for name in wanted]
    if not names and not everything:
        scenarios = [scenario for scenario in scenarios if scenario.core]
    return sorted(scenarios, key=lambda s: (s.alone, s.letter, s.name))


def _load(name: str, folder: Path) -> Scenario:
    module = importlib.import_module(f"e2e.scenarios.{folder.name}.scenario")
    title = (module.__doc__ or "").strip().splitlines()[0].rstrip(".")
    alone, core = getattr(module, "ALONE", False), getattr(module, "CORE", False)
    outage = getattr(module, "OUTAGE_IMAGE", False)
    about_nodes = getattr(module, "ABOUT_NODES", False)
    local = about_nodes or getattr(module, "LOCAL", False)
    return Scenario(name, module.LETTER, title, alone, core, local, about_nodes, outage, folder, module.play)
