"""What came of a scenario: the verdict, the seconds of each stage, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from e2e.harness.api import Json
from e2e.harness.audit import Cost
from e2e.harness.scenario import Scenario

STAGES = ("stored", "planned", "voted", "approved", "acted", "proven")
"""Each from the end of the one before; the first from the moment when the alert fired."""


@dataclass
class Result:
    """``failure`` is empty when it passed. ``incident`` as it was at the end."""

    scenario: Scenario
    failure: str = ""
    seconds: float = 0.0
    """All of it, with setting up and breaking."""
    incident: Json | None = None
    cost: Cost | None = None
    checks: Sequence[str] = field(default_factory=list)
    recorded: bool = False
    """It was broken and recorded only."""

    @property
    def verdict(self) -> str:
        """In one word."""
        return "FAILED" if self.failure else "recorded" if self.recorded else "passed"

    @property
    def end(self) -> str:
        """How the Incident ended."""
        status = (self.incident or {}).get("status", {})
        return f"{status.get('phase', '-')}/{status.get('outcome', '-')}"

    def stages(self) -> dict[str, float | None]:
        """Seconds of each stage, None for one that it had not."""
        moments = _moments(self.incident) if self.incident is not None else {}
        before = moments.get("fired")
        seconds: dict[str, float | None] = dict.fromkeys(STAGES)
        for stage in STAGES:
            now = moments.get(stage)
            if now is not None and before is not None:
                seconds[stage] = (now - before).total_seconds()
                before = now
        return seconds

    def total(self) -> float | None:
        """Seconds from the moment when the alert fired until the Incident's end."""
        moments = _moments(self.incident) if self.incident is not None else {}
        fired, ended = moments.get("fired"), moments.get("proven")
        return (ended - fired).total_seconds() if fired is not None and ended is not None else None


_TOLD = {
    "AlertReceived": "stored",
    "RoundOpened": "planned",
    "QuorumReached": "voted",
    "ApprovedByPerson": "approved",
    "PlanApplied": "acted",
}
"""Reasons of the timeline that end a stage, the first time they are told."""


def _moments(incident: Json) -> dict[str, datetime]:
    status = incident.get("status", {})
    found: dict[str, datetime] = {}
    fired = [_time(alert["startsAt"]) for alert in incident["spec"].get("alerts", [])]
    if fired:
        found["fired"] = min(fired)
    for entry in status.get("timeline", []):
        stage = _TOLD.get(entry["reason"])
        if stage is not None:
            found.setdefault(stage, _time(entry["at"]))
    if "fired" in found and "stored" in found:
        # One that resolved and fired again tells its last beginning only.
        found["fired"] = min(found["fired"], found["stored"])
    if status.get("finishedAt"):
        found["proven"] = _time(status["finishedAt"])
    return found


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
