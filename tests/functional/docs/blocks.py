"""The shell blocks of the documentation: where they are, who runs them, and what is said to be seen.

A block is fenced and says who runs it: `sh first-hour` is run by the scene of that name in tests/functional/docs, or,
where it needs more than an API server, in e2e/harness/pages.py.
`sh` alone is run by neither, and listed in `elsewhere.yaml` with what does run it, or why nothing can.
A `text` block right after it is what is seen: each of its lines must come in the output, in that order; `…` stands
for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_FOLDERS = ("docs/*.md", "docs/runbooks/**/*.md", "README.md", "charts/*/README.md", "deploy/README.md")
PAGES = sorted(page for folder in _FOLDERS for page in ROOT.glob(folder))
_BLOCK = re.compile(
    r"^(?P<pad> *)```sh(?P<scene>[^\n]*)\n(?P<text>.*?)^ *```$(?:\n+^ *```text\n(?P<seen>.*?)^ *```$)?", re.M | re.S
)
_COMMAND = re.compile(r"^ {4,}(\$ )?(kubectl|helm|incident-commander|docker|make|export|curl) .*$", re.M)
_FENCED = re.compile(r"^ *```.*?^ *```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Block:
    """``scene`` is empty where nothing runs it as it stands."""

    page: str
    line: int
    scene: str
    text: str
    seen: tuple[str, ...]

    @property
    def first(self) -> str:
        """Its first line, by which it is known in `elsewhere.yaml`."""
        return self.text.splitlines()[0].strip()

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*pages: Path) -> Iterator[Block]:
    """All of them, in the order of the pages."""
    for page in pages or PAGES:
        text = page.read_text()
        for found in _BLOCK.finditer(text):
            pad = len(found["pad"])
            body = "".join(line[pad:] + "\n" for line in found["text"].splitlines())
            seen = tuple(line.strip() for line in (found["seen"] or "").splitlines() if line.strip())
            yield Block(
                page=str(page.relative_to(ROOT)),
                line=text.count("\n", 0, found.start()) + 1,
                scene=found["scene"].strip(),
                text=body,
                seen=seen,
            )


def of_scene(scene: str) -> list[Block]:
    """What a scene runs."""
    return [block for block in blocks() if block.scene == scene]


def unfenced(page: Path) -> list[str]:
    """Lines that look like commands and stand outside of every fence, where no test sees them."""
    return [found[0].strip() for found in _COMMAND.finditer(_FENCED.sub("", page.read_text()))]


def missing(seen: tuple[str, ...], output: str) -> str:
    """The first line that should be in the output, after the ones before it, and is not; empty when all are."""
    rest = [_squeezed(line) for line in output.splitlines()]
    for line in seen:
        pattern = re.compile(".*".join(re.escape(_squeezed(part).strip()) for part in line.split("…")))
        place = next((i for i, candidate in enumerate(rest) if pattern.search(candidate)), None)
        if place is None:
            return line
        rest = rest[place + 1 :]
    return ""


def _squeezed(line: str) -> str:
    return re.sub(r"\s+", " ", line)
