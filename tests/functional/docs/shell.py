"""Runs a block as a person would paste it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.functional.docs.blocks import ROOT, Block, missing

_TRIES = 30
_LOOKS = re.compile(r"\s*(#.*|kubectl (get|wait|incident (list|show|timeline|verify))\b.*)?")


@dataclass
class Shell:
    """bash with kubectl, the project's programs and a kubeconfig; ``placeholders`` such as NAME are filled in.

    A placeholder's value is asked for when it is needed: the newest Incident's name, for example.
    """

    kubeconfig: Path
    folder: Path
    programs: tuple[Path, ...] = ()
    placeholders: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, block: Block, *, code: int = 0) -> str:
        """Its output. Raises AssertionError that names page and line, also when it ends with another exit code.

        A block that only looks is looked at again until what the page says is seen: controllers need a moment.
        """
        for attempt in range(_TRIES):
            ended, output = self._once(block.text)
            lacking = missing(block.seen, output)
            if ended == code and not lacking:
                return output
            if not _only_looks(block) or attempt == _TRIES - 1:
                break
            time.sleep(2)
        assert ended == code, f"{block} ended with {ended}:\n{block.text}\n--- output\n{output}"
        assert not lacking, f"{block}: not seen: {lacking!r}\n{block.text}\n--- output\n{output}"
        return output

    def command(self, text: str) -> str:
        """What a command prints that is on no page. Raises AssertionError when it fails."""
        code, output = self._once(text)
        assert code == 0, f"{text}: {code}\n{output}"
        return output

    def _once(self, text: str) -> tuple[int, str]:
        for name, value in self.placeholders.items():
            if re.search(rf"\b{name}\b", text):
                text = re.sub(rf"\b{name}\b", value(), text)
        path = os.pathsep.join([str(Path(sys.executable).parent), *map(str, self.programs), os.environ["PATH"]])
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("INCIDENT_COMMANDER_", "KUBE"))}
        ran = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", text],
            cwd=self.folder,
            env={**inherited, "PATH": path, "KUBECONFIG": str(self.kubeconfig), "NO_COLOR": "1", "COLUMNS": "100"}
            | dict(self.environment),
            input="y\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return ran.returncode, ran.stdout + ran.stderr


def checkout(folder: Path) -> None:
    """What a person has beside the shell: the project's files, by the names that the pages use."""
    for name in ("charts", "crds", "deploy", "runbooks", "docs"):
        (folder / name).symlink_to(ROOT / name)


def _only_looks(block: Block) -> bool:
    """Whether doing it once more changes nothing."""
    return all(_LOOKS.fullmatch(line) for line in block.text.splitlines())
