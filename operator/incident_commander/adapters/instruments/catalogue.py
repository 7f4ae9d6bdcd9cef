"""All of them, in the order in which they are told about."""

from __future__ import annotations

from types import ModuleType

from incident_commander.adapters.instruments import consensus, gateway, incidents, process
from incident_commander.adapters.instruments.instrument import Instrument


def _of(module: ModuleType) -> tuple[Instrument, ...]:
    return tuple(found for found in vars(module).values() if isinstance(found, Instrument))


CHAPTERS: dict[str, tuple[Instrument, ...]] = {
    "Incidents and what is done about them": _of(incidents),
    "Agents and consensus": _of(consensus),
    "The gateway": _of(gateway),
    "Every process": _of(process),
}
CATALOGUE: tuple[Instrument, ...] = tuple(found for chapter in CHAPTERS.values() for found in chapter)
