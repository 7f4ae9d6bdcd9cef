"""The open Incidents, counted from what the watch sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from incident_commander.adapters.gauges import IncidentGauges, Standing
from incident_commander.api.incident import Phase
from incident_commander.operators.workqueue import Key
from incident_commander.ports import Clock

UNSEEN = timedelta(seconds=900)
"""Every list of the watch (300 s) shows what there is: what was not seen for three of them was deleted in between."""


@dataclass(frozen=True, slots=True)
class _Open:
    phase: str
    since: datetime
    storm: bool
    seen: datetime


class OpenIncidents:
    """Listens to the watch, and shows what is open whenever the metrics are scraped."""

    def __init__(self, gauges: IncidentGauges, clock: Clock) -> None:
        self._gauges = gauges
        self._clock = clock
        self._open: dict[Key, _Open] = {}

    def saw(self, event_type: str | None, body: Mapping[str, Any]) -> None:
        """An event of the watch; ``event_type`` None is an object of the initial list."""
        meta = body.get("metadata") or {}
        key = Key(str(meta.get("namespace")), str(meta.get("name")))
        phase = str((body.get("status") or {}).get("phase") or Phase.PENDING.value)
        if event_type == "DELETED" or phase not in list(Phase) or Phase(phase).terminal:
            self._open.pop(key, None)
            return
        now = self._clock.now()
        known = self._open.get(key)
        since = known.since if known is not None and known.phase == phase else now
        self._open[key] = _Open(phase, since, bool((body.get("spec") or {}).get("storm")), now)

    def look_again(self) -> None:
        """Forget what was not seen for long."""
        since = self._clock.now() - UNSEEN
        self._open = {key: found for key, found in self._open.items() if found.seen >= since}

    def show(self) -> None:
        """Set the gauges."""
        now = self._clock.now()
        phases: dict[str, Standing] = {}
        for found in self._open.values():
            known = phases.get(found.phase, Standing())
            age = max(known.longest_seconds, (now - found.since).total_seconds())
            phases[found.phase] = Standing(known.count + 1, age)
        self._gauges.show(phases, sum(found.storm for found in self._open.values()))
