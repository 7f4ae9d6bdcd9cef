"""Many Incidents, one line each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table

from incident_commander.api.incident import Incident
from incident_commander.cli.render.incident import SEVERITY_STYLE, phase_text
from incident_commander.cli.render.text import duration, styled


def incident_table(incidents: Sequence[Incident], *, now: datetime, namespaces: bool) -> RenderableType:
    """In the order given. ``namespaces`` adds a column for them."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    if namespaces:
        table.add_column("NAMESPACE", overflow="fold")
    table.add_column("NAME", overflow="fold", min_width=16)
    table.add_column("SEVERITY", no_wrap=True)
    table.add_column("PHASE", overflow="fold")
    table.add_column("TARGET", overflow="fold")
    table.add_column("ACTION", overflow="fold")
    table.add_column("VOTES", no_wrap=True)
    table.add_column("AGE", no_wrap=True, justify="right")
    for incident in incidents:
        created = incident.metadata.creation_timestamp
        cells: list[RenderableType] = [
            styled(incident.metadata.name),
            styled(incident.spec.severity, SEVERITY_STYLE[incident.spec.severity]),
            phase_text(incident),
            styled(_target(incident)),
            styled(incident.status.action or "-"),
            styled(incident.status.votes or "-"),
            duration(now - created) if created is not None else "-",
        ]
        table.add_row(*([styled(incident.metadata.namespace or "")] if namespaces else []), *cells)
    return table


def _target(incident: Incident) -> str:
    target = incident.spec.target_ref
    return incident.status.target or (f"{target.kind}/{target.name}" if target is not None else "-")
