"""Many Incidents, two lines each, so that 80 columns hold whole names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from incident_commander.api.incident import Incident
from incident_commander.cli.render.incident import SEVERITY_STYLE, phase_text
from incident_commander.cli.render.text import duration, safe, styled

_NAMES = range(16, 43)
"""Columns for names: at least and at most."""
_SEVERITY = 8


@dataclass(frozen=True, slots=True)
class IncidentTable:
    """In the order given. ``namespaces`` writes names as ``namespace/name``.

    Where a line does not hold a name beside the rest, the name has a line of its own.
    """

    incidents: Sequence[Incident]
    now: datetime
    namespaces: bool

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Two lines of each, or three."""
        names = [safe(i.key if self.namespaces else i.metadata.name) for i in self.incidents]
        phases = [phase_text(i) for i in self.incidents]
        ages = [self._age(i) for i in self.incidents]
        phase = max([len("PHASE"), *(p.cell_len for p in phases)])
        rest = 2 + _SEVERITY + 2 + phase + 2 + max([len("AGE"), *map(len, ages)])
        longest = min(max([*map(len, names), _NAMES.start]), _NAMES.stop - 1)
        width = max(min(longest, options.max_width - rest), 4)
        yield Text(f"{'NAME':{width}}  {'SEVERITY':{_SEVERITY}}  {'PHASE':{phase}}  AGE", style="bold")
        for incident, name, what, age in zip(self.incidents, names, phases, ages, strict=True):
            severity = styled(incident.spec.severity, SEVERITY_STYLE[incident.spec.severity])
            beside = Text.assemble("  ", _padded(severity, _SEVERITY), "  ", _padded(what, phase), "  ", age)
            shown = Text(name, style="bold", overflow="fold")
            if len(name) > width:
                yield shown
                shown = Text()
            yield Text.assemble(_padded(shown, width), beside)
            yield Text.assemble("  ", styled(_summary(incident), "dim"))

    def _age(self, incident: Incident) -> str:
        created = incident.metadata.creation_timestamp
        return duration(self.now - created) if created is not None else "-"


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
