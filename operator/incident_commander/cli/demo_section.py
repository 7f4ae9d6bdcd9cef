"""One section of the demo: a title, a verdict in one line, and what stands behind it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from incident_commander.cli.render.text import styled


class Mood(enum.StrEnum):
    """How a verdict is shown; also without colour the mark tells."""

    GOOD = "green"
    BAD = "red"
    PLAIN = "cyan"


_MARKS = {Mood.GOOD: "✓", Mood.BAD: "✗", Mood.PLAIN: "•"}


@dataclass(frozen=True, slots=True)
class Section:
    """A title, a one-line verdict, and what stands behind it."""

    title: str
    verdict: str
    body: RenderableType | None = None
    mood: Mood = Mood.PLAIN

    def render(self) -> RenderableType:
        """The section, with room below."""
        head = Table.grid(padding=(0, 1))
        head.add_column(no_wrap=True, min_width=13)
        head.add_column(no_wrap=True)
        head.add_column()
        title, mark = Text(self.title, style="bold"), Text(_MARKS[self.mood], style=f"bold {self.mood.value}")
        head.add_row(title, mark, styled(self.verdict, f"bold {self.mood.value}"))
        parts: list[RenderableType] = [head]
        if self.body is not None:
            parts.append(Padding(self.body, (0, 0, 0, 2), expand=False))
        return Group(*parts, Text())
