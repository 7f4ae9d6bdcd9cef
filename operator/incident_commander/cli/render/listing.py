"""Many Incidents, two lines each, so that 80 columns hold whole names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from incident_commander.api.incident import Incident
from incident_commander.cli.render.incident import SEVERITY_STYLE, phase_text
from incident_commander.cli.render.text import duration, safe, styled

_NAME_WIDTHS = range(16, 43)


def incident_table(incidents: Sequence[Incident], *, now: datetime, namespaces: bool) -> RenderableType:
    """In the order given. ``namespaces`` writes names as ``namespace/name``."""
    names = [safe(i.key if namespaces else i.metadata.name) for i in incidents]
    width = min(max(map(len, names), default=0), _NAME_WIDTHS.stop - 1)
    width = max(width, _NAME_WIDTHS.start)
    lines: list[RenderableType] = [Text(f"{'NAME':{width}}  {'SEVERITY':8}  {'PHASE':22}  AGE", style="bold")]
    for incident, name in zip(incidents, names, strict=True):
        created = incident.metadata.creation_timestamp
        age = duration(now - created) if created is not None else "-"
        lines.append(
            Text.assemble(
                (f"{name:{width}}", "bold"),
                "  ",
                _padded(styled(incident.spec.severity, SEVERITY_STYLE[incident.spec.severity]), 8),
                "  ",
                _padded(phase_text(incident), 22),
                "  ",
                age,
            )
        )
        lines.append(Text.assemble("  ", styled(_summary(incident), "dim")))
    return Group(*lines)


def _summary(incident: Incident) -> str:
    target, status = incident.spec.target_ref, incident.status
    parts = [
        status.target or (f"{target.kind}/{target.name}" if target is not None else "no target"),
        status.cause,
        status.action,
        f"{status.votes} votes" if status.votes else "",
    ]
    return "  ".join(part for part in parts if part)


def _padded(text: Text, width: int) -> Text:
    text.pad_right(max(width - text.cell_len, 0))
    return text
