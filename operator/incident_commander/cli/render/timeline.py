"""The story of an Incident in the order in which it happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from incident_commander.api.incident import TimelineEntry
from incident_commander.cli.render.text import duration, styled, when


def timeline_view(
    entries: Sequence[TimelineEntry], started_at: datetime | None = None, *, limit: int = 1024
) -> RenderableType:
    """When (UTC, and since ``started_at`` or the first entry), who, what. Oldest first, as recorded.

    What did not happen on the day of the start has its date.

    ``limit``: characters of each message.
    """
    if not entries:
        return Text("Nothing is recorded yet.", style="dim")
    start = started_at or entries[0].at
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, max_width=14, overflow="ellipsis")
    table.add_column(overflow="fold")
    for entry in entries:
        what = Text.assemble(
            styled(entry.reason, "bold"), "  " if entry.message else "", styled(entry.message, limit=limit)
        )
        since = f"+{duration(entry.at - start)}" if entry.at >= start else f"-{duration(start - entry.at)}"
        table.add_row(when(entry.at, start), since, styled(entry.actor), what)
    return table
